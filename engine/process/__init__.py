"""How programs are started, watched and ended: shim, queue, devices, work."""
