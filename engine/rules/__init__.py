"""The rules that speak against a training, one file a subject. `engine.refusals` asks them all."""
