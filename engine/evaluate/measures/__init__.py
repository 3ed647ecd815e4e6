"""What one answer is worth, by each measure, and which measures suit which data. No model, no database."""
