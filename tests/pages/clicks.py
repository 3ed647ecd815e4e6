"""What Gradio hands to a callback, as plain objects."""


class Click:
    """A button, or a form, of a live fragment."""

    def __init__(self, name: str, id: str = "", /, **values: str) -> None:
        self.name, self.id, self.values = name, id, values


class Visitor:
    """A request with its cookies."""

    def __init__(self, **cookies: str) -> None:
        self.cookies = cookies
        self.query_params: dict[str, str] = {}
