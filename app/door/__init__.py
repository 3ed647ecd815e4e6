"""Who comes in: credentials, hosts, the login page, and how fast one may guess."""
