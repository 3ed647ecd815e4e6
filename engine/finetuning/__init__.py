"""OpenAI's fine-tuning API: files and jobs, a thin layer over datasets and runs."""
