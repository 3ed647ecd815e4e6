"""What the shell offers on TAB: names and ids of what there is in the studio."""
