"""What was measured, exported and kept, on the command line."""
