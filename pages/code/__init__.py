"""The Code page: code written by a served model, run in the sandbox, kept in versions, taken away."""
