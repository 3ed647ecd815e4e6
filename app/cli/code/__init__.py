"""`tunesmith code` and `tunesmith snippets`: code written by a model, and code that is kept."""
