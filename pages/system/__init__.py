"""The System page: the machine, its disk, keys, the token of the hub, the log."""
