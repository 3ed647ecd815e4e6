"""OpenAI's fine-tuning API: /v1/files and /v1/fine_tuning/jobs."""
