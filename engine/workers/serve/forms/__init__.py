"""The form of an answer: JSON of a schema, an expression, choices, a grammar, calls of tools."""
