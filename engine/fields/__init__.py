"""The fields of a recipe, one file a group of the form. `engine.recipe` puts them together and checks them."""
