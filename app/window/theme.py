"""How the studio looks to Gradio, and the few bytes that stand first in every page's head.

The look itself is in app/static/*.css; the theme only gives Gradio's own components the same colours and sizes.
"""

from functools import lru_cache
from hashlib import sha256

import gradio as gr

from app.window import look

STYLES = (
    "tokens.css",
    "tunesmith.css",
    "parts.css",
    "work.css",
    "lists.css",
    "machine.css",
    "charts/charts.css",
    "answers.css",
    "prepare.css",
    "train.css",
    "fit.css",
    "sweep_form.css",
    "data.css",
    "shape.css",
    "serving.css",
    "benchmarks.css",
    "code.css",
    "evaluate.css",
    "registry.css",
    "bell.css",
    "links.css",
    "queue.css",
    "help.css",
    "tour.css",
    "sweeps/sweeps.css",
    "gradio.css",
)
SCRIPTS = (
    "tunesmith.js",
    "dropdown.js",
    "poll.js",
    "settle.js",
    "live.js",
    "upload.js",
    "log.js",
    "charts/wire.js",
    "charts/curve.js",
    "charts/axis.js",
    "charts/words.js",
    "charts/drawing.js",
    "charts/tools.js",
    "charts/table.js",
    "charts/look.js",
    "charts/chart.js",
    "charts/move.js",
    "sweeps/data.js",
    "sweeps/figure.js",
    "sweeps/kinds.js",
    "sweeps/parallel.js",
    "sweeps/limits.js",
    "sweeps/contour.js",
    "sweeps/chart.js",
    "train.js",
    "sweep_form.js",
    "serving.js",
    "models.js",
    "code.js",
    "bell.js",
    "links.js",
    "queue.js",
    "help.js",
    "finder.js",
    "tour.js",
    "gradio.js",
)

PETROL = gr.themes.Color(
    name="petrol", c50="#ecf7f9", c100="#d0ecf1", c200="#a6dae4", c300="#6fc1d1", c400="#3aa4b8", c500="#1d8a9f",
    c600="#12708a", c700="#105a70", c800="#134a5b", c900="#143e4d", c950="#072733",
)  # fmt: skip
SLATE = gr.themes.Color(
    name="slate", c50="#f7f8f9", c100="#eff1f3", c200="#e3e6ea", c300="#cfd4da", c400="#98a1ab", c500="#6a747f",
    c600="#4f5862", c700="#3a424a", c800="#262c32", c900="#171b1f", c950="#0e1114",
)  # fmt: skip

SANS = ("IBM Plex Sans", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
MONO = ("IBM Plex Mono", "ui-monospace", "SFMono-Regular", "Menlo", "monospace")


def studio_theme() -> gr.themes.Base:
    """Gradio's theme in the studio's colours; the variables it names are defined in tokens.css."""
    sizes = gr.themes.sizes
    theme = gr.themes.Base(
        primary_hue=PETROL,
        secondary_hue=PETROL,
        neutral_hue=SLATE,
        radius_size=sizes.radius_md,
        spacing_size=sizes.spacing_md,
        text_size=sizes.text_md,
        font=SANS,
        font_mono=MONO,
    )
    return theme.set(**_both(_COLOURS), **_SHAPES)


_COLOURS = {
    "body_background_fill": "var(--ts-ground)",
    "body_text_color": "var(--ts-text)",
    "body_text_color_subdued": "var(--ts-muted)",
    "background_fill_primary": "var(--ts-card)",
    "background_fill_secondary": "var(--ts-ground)",
    "block_background_fill": "var(--ts-card)",
    "block_border_color": "var(--ts-line)",
    "block_label_background_fill": "transparent",
    "block_label_text_color": "var(--ts-muted)",
    "block_title_text_color": "var(--ts-text)",
    "block_info_text_color": "var(--ts-muted)",
    "border_color_primary": "var(--ts-line)",
    "border_color_accent": "var(--ts-accent)",
    "input_background_fill": "var(--ts-field)",
    "input_border_color": "var(--ts-line-strong)",
    "input_border_color_focus": "var(--ts-accent)",
    "input_placeholder_color": "var(--ts-faint)",
    "panel_background_fill": "transparent",
    "button_primary_background_fill": "var(--ts-accent)",
    "button_primary_background_fill_hover": "var(--ts-accent-strong)",
    "button_primary_text_color": "var(--ts-on-accent)",
    "button_primary_border_color": "transparent",
    "button_secondary_background_fill": "var(--ts-card)",
    "button_secondary_background_fill_hover": "var(--ts-hover)",
    "button_secondary_text_color": "var(--ts-text)",
    "button_secondary_border_color": "var(--ts-line-strong)",
    "button_cancel_background_fill": "var(--ts-card)",
    "button_cancel_text_color": "var(--ts-bad)",
    "button_cancel_border_color": "var(--ts-line-strong)",
    "checkbox_background_color": "var(--ts-field)",
    "checkbox_background_color_selected": "var(--ts-accent)",
    "checkbox_border_color": "var(--ts-line-strong)",
    "checkbox_border_color_selected": "var(--ts-accent)",
    "checkbox_label_background_fill": "var(--ts-card)",
    "checkbox_label_background_fill_selected": "var(--ts-accent-soft)",
    "checkbox_label_text_color": "var(--ts-text)",
    "checkbox_label_text_color_selected": "var(--ts-text)",
    "checkbox_label_border_color": "var(--ts-line)",
    "checkbox_label_border_color_selected": "var(--ts-accent)",
    "table_border_color": "var(--ts-line)",
    "table_even_background_fill": "var(--ts-card)",
    "table_odd_background_fill": "var(--ts-card)",
    "table_row_focus": "var(--ts-accent-soft)",
    "code_background_fill": "var(--ts-field)",
    "link_text_color": "var(--ts-link)",
    "link_text_color_hover": "var(--ts-link)",
    "link_text_color_visited": "var(--ts-link)",
    "link_text_color_active": "var(--ts-link)",
    "slider_color": "var(--ts-accent)",
    "loader_color": "var(--ts-accent)",
    "color_accent_soft": "var(--ts-accent-soft)",
    "error_background_fill": "var(--ts-bad-soft)",
    "error_border_color": "var(--ts-bad)",
    "error_text_color": "var(--ts-bad)",
    "block_shadow": "none",
    "input_shadow": "none",
    "button_primary_shadow": "none",
    "button_secondary_shadow": "none",
}

_SHAPES = {
    "block_border_width": "1px",
    "block_radius": "12px",
    "block_label_text_weight": "600",
    "block_title_text_weight": "600",
    "block_title_text_size": "13px",
    "block_padding": "14px 16px",
    "input_radius": "8px",
    "input_border_width": "1px",
    "input_padding": "8px 11px",
    "input_shadow_focus": "0 0 0 3px var(--ts-ring)",
    "button_large_radius": "8px",
    "button_medium_radius": "8px",
    "button_small_radius": "7px",
    "button_large_text_weight": "600",
    "button_medium_text_weight": "600",
    "button_small_text_weight": "600",
    "button_large_text_size": "14px",
    "button_large_padding": "9px 16px",
    "button_border_width": "1px",
    "layout_gap": "16px",
    "form_gap_width": "0px",
}


def _both(colours: dict[str, str]) -> dict[str, str]:
    """The same variable for light and dark: tokens.css changes what it means."""
    return colours | {f"{name}_dark": value for name, value in colours.items()}


@lru_cache
def version() -> str:
    """Changes with every change of a static file, so that browsers may keep them for good."""
    digest = sha256()
    for file in sorted(look.STATIC.rglob("*.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:10]


def early_head() -> bytes:
    """What stands first in <head>: theme before the first paint, fonts, styles, scripts, favicon."""
    at = "/static-tunesmith/"
    fonts = "/static/fonts/IBMPlexSans/IBMPlexSans-"
    parts = [
        f"<script>{look.BEFORE_PAINT}</script>",
        f'<link rel="icon" href="{at}favicon.svg?v={version()}" type="image/svg+xml">',
        *(
            f'<link rel="preload" href="{fonts}{weight}.woff2" as="font" type="font/woff2" crossorigin>'
            for weight in ("Regular", "Bold")  # SemiBold of the wheel lacks most letters
        ),
        *(f'<link rel="stylesheet" href="{at}{name}?v={version()}">' for name in STYLES),
        *(f'<script defer src="{at}{name}?v={version()}"></script>' for name in SCRIPTS),
    ]
    return "".join(parts).encode()


EARLY_HEAD: bytes = early_head()
