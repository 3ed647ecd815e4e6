"""How many tokens a row of a dataset usually has, guessed before a tokenizer has read one."""

from storage.tables import Dataset

BYTES_PER_TOKEN = 3  # of Parquet text, compressed; English has about 4 bytes a token before compression
SHORTEST_ROW = 32  # tokens; a chat template alone takes about so many


def usual_tokens(dataset: Dataset) -> int:
    """Tokens of an ordinary row, from the size of the stored file; both sides of a pair together."""
    return max(SHORTEST_ROW, dataset.size_bytes // max(dataset.train_rows, 1) // BYTES_PER_TOKEN)
