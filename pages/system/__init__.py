"""The System page: this machine, what fills the disk, keys, the token of the hub, the log of the studio."""
