"""Which calls a key with the scope `inference` reaches. What is not listed is refused: a new route asks for a decision.

A key with the scope `all` reaches everything.
"""

# A path that ends in "/*" stands for everything below it.
INFERENCE = frozenset(
    {
        ("GET", "/v1/models"),
        ("GET", "/v1/models/*"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/completions"),
        ("POST", "/v1/embeddings"),
        ("POST", "/v1/responses"),
        ("POST", "/v1/score"),
    }
)
_BELOW = tuple((method, path.removesuffix("*")) for method, path in INFERENCE if path.endswith("/*"))


def reaches(method: str, path: str) -> bool:
    """Whether a key for inference reaches that call."""
    return (method, path) in INFERENCE or any(method == listed and path.startswith(prefix) for listed, prefix in _BELOW)
