"""vLLM as a backend: its command, options, proposals, refusals before a start, and why it died."""
