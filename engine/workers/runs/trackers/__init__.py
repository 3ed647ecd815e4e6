"""How each experiment tracker is spoken to, one file a tracker. Each imports its library when it is opened."""
