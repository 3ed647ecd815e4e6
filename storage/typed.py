"""What people type into a search, as it is looked for."""

import unicodedata


def as_kept(text: str) -> str:
    """As names are kept: one way to write each letter (NFC), however it was typed or pasted."""
    return unicodedata.normalize("NFC", text)
