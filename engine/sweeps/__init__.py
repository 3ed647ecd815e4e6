"""Sweeps: settings found by trials instead of guessed. Each trial is a run; a worker with Optuna says what to try."""
