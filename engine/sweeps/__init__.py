"""Sweeps: settings found by trials, each of them a run; a worker with Optuna says what to try."""
