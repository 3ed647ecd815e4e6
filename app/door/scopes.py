"""Which calls a key with the scope `inference` reaches. What is not listed is refused: a new route asks for a decision.

A key with the scope `all` reaches everything; of /v1 what only it reaches is listed too, so that a test can ask for a
decision on each route there is.
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
# Who trains takes devices for hours and reads all data, so these are for the owner's programs.
ALL_ONLY = frozenset(
    {
        ("GET", "/v1/files"),
        ("POST", "/v1/files"),
        ("GET", "/v1/files/*"),
        ("GET", "/v1/files/*/content"),
        ("DELETE", "/v1/files/*"),
        ("GET", "/v1/fine_tuning/jobs"),
        ("POST", "/v1/fine_tuning/jobs"),
        ("GET", "/v1/fine_tuning/jobs/*"),
        ("POST", "/v1/fine_tuning/jobs/*/cancel"),
        ("POST", "/v1/fine_tuning/jobs/*/pause"),
        ("POST", "/v1/fine_tuning/jobs/*/resume"),
        ("GET", "/v1/fine_tuning/jobs/*/events"),
        ("GET", "/v1/fine_tuning/jobs/*/checkpoints"),
    }
)
_BELOW = tuple((method, path.removesuffix("*")) for method, path in INFERENCE if path.endswith("/*"))


def reaches(method: str, path: str) -> bool:
    """Whether a key for inference reaches that call."""
    return (method, path) in INFERENCE or any(method == listed and path.startswith(prefix) for listed, prefix in _BELOW)
