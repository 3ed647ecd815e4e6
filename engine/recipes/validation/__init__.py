"""What the fields of a recipe mean together: what is refused whatever model, data or machine."""
