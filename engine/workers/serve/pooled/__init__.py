"""Numbers instead of words: embeddings of texts, and scores of answers by a reward model."""
