"""The Train page: a recipe as a form, its cost and its problems beside it."""
