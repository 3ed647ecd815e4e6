"""Rows as tokens: templates, spans to learn, pages and totals for people."""
