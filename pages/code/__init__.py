"""The Code page: code written by a model, run in the sandbox, kept in versions."""
