"""Line icons, drawn for this studio on a grid of 24. A page names its own in `ICON`."""

from functools import cache

from markupsafe import Markup

_PATHS = {
    "home": "M4 11 12 4l8 7M6 9.5V20h12V9.5M10 20v-5.5h4V20",
    "models": "M12 3 20 7.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
    "data": "M4 6c0-4 16-4 16 0s-16 4-16 0v12c0 4 16 4 16 0V6M4 12c0 4 16 4 16 0",
    "train": "M13 3 5 14h6l-1 7 9-12h-6.5z",
    "runs": "M3 4v16h18M6.5 8.5l4 5.5 4-2.5 5.5 5",
    "sweeps": "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
    "evaluate": "M4 12.5 9 17.5 20 6.5",
    "registry": "M4 5h16v5H4zM4 14h16v5H4zM7.5 7.5h2M7.5 16.5h2",
    "serve": "M5 12a7 7 0 0 1 14 0M8.5 12a3.5 3.5 0 0 1 7 0M12 12v8M8 20h8",
    "chat": "M4 5h16v11H11l-5 4v-4H4zM8 9h8M8 12h5",
    "code": "M9 7 4 12l5 5M15 7l5 5-5 5",
    "usage": "M4 20h16M7.5 20v-6M12 20V9.5M16.5 20V5",
    "system": "M4 5h16v11H4zM9 20h6M12 16v4M7 12l2.5-3 2.5 2 2-2.5 3 3.5",
    "help": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.3 9.5a2.8 2.8 0 1 1 4 2.5c-.9.5-1.3 1-1.3 2M12 16.8v.2",
    "keys": "M3 6h18v12H3zM7 10h.1M12 10h.1M17 10h.1M8 14h8",
    "theme": "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
    "project": "M3.5 6.5h6l2 2.5h9v10h-17z",
    "lesson": "M12 5 2.5 9.5 12 14l9.5-4.5zM6 11.5v5c3 2.5 9 2.5 12 0v-5M21.5 9.5v6",
    "check": "M5 12.5 10 17.5 19.5 7",
    "up-down": "M8 10l4-4 4 4M8 14l4 4 4-4",
    "pencil": "M5 19l1-4.5L16 4.5 19.5 8 9.5 18z",
    "archive": "M4 5h16v4H4zM5.5 9v10h13V9M10 13h4",
    "plus": "M12 5v14M5 12h14",
    "good": "M4 11h3.5v9H4zM7.5 11 11 4c1.8 0 2.5 1 2.2 2.6L12.6 10H18c1.5 0 2 1 1.8 2.4l-1.4 6c-.2 1-.9 1.6-2 1.6H8",
    "bad": "M20 13h-3.5V4H20zM16.5 13 13 20c-1.8 0-2.5-1-2.2-2.6l.6-3.4H6c-1.5 0-2-1-1.8-2.4l1.4-6c.2-1 .9-1.6 2-1.6h9",
    "trash": "M4 7h16M9.5 7V4h5v3M6.5 7l1 13h9l1-13M10.5 11v5M13.5 11v5",
    "save": "M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14",
    "stop": "M7 7h10v10H7z",
    "bell": "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 21h4",
    "arrow": "M5 12h13M13 6.5 18.5 12 13 17.5",
}


@cache  # there are few, and each stands in many rows
def icon(name: str) -> Markup:
    """The drawing of that name; nothing for an unknown one. It is decoration: the words stand beside it."""
    path = _PATHS.get(name)
    return (
        Markup('<svg class="ts-icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{}"/></svg>').format(path)
        if path
        else Markup()
    )
