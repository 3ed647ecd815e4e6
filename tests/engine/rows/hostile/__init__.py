"""Files that people bring by mistake or by malice, each with how its import must end."""
