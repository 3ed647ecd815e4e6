"""Which values of a recipe cannot stand together, whatever model, data or machine."""
