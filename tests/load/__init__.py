"""Many things, not only one: what a look at them costs in statements and rows, however many there are."""
