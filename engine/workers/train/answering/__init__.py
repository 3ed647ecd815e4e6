"""Fixed prompts answered by the weights in training: which, how many tokens there is time for, and without a trace."""
