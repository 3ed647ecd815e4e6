"""Sweeps: settings found by trials, each a run; a worker with Optuna says what to try."""
