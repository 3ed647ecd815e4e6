"""What can be wrong with a training, one file a subject. `engine.train.check` asks them all."""
