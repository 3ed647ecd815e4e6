"""The rules that speak against a training, one file a subject. `engine.train.check` asks them all."""
