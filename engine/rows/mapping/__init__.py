"""From columns to rows of a kind: detected, mapped by a person, judged one by one."""
