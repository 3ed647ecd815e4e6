"""Rows as tokens: chat templates, which tokens are learnt, how many."""
