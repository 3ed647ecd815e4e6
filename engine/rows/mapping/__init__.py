"""From the columns of a file to rows of a kind: detected, or mapped by a person."""
