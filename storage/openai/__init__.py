"""Files and jobs of OpenAI's fine-tuning API: a dataset or a run behind each."""
