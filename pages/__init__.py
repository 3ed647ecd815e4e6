"""What is on each page and what a click does: a file or a folder for each page."""
