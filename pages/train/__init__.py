"""The Train page: a recipe as a form, with what it would take and what is wrong beside it."""
