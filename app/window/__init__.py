"""Gradio brought in: the pages on their routes, the theme, the HTML they fetch."""
