"""Health of a dataset: pure checks, one a file, registered in `checks.CHECKS`. See docs/guide/health.md.

What fixes need: `pii.mask(text)` and `special_tokens.strip(text)`.
"""
