"""What the studio does. No Gradio and no torch here; heavy work is done by `engine.workers`."""
