"""The fields of a recipe, one file a group of the form. `engine.recipes.recipe` puts them together and checks them."""
