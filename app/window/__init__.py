"""Gradio brought in: pages on their routes, theme, fragments, and what stands first in <head>."""
