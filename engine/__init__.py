"""What the studio does. It knows no Gradio; heavy work is done by `workers`."""
