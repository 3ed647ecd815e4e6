"""Who comes in: tokens, passwords, sessions, the login page, a brake on guessing."""
