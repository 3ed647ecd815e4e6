"""The gateway: OpenAI's API under /v1 for every endpoint of the studio."""
