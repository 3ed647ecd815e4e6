"""Code: written and mended by a served model, run in the sandbox, kept as snippets."""
