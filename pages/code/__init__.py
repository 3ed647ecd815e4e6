"""The Code page: code written by a served model, run shut in, kept in versions, taken away."""
