"""Links to one run: made on its page, and the page that who has one sees."""
