"""Rows by kind (chat, preference, prompt ...): how each is made from its parts."""
