"""Sweeps: settings found by trials, each a run; Optuna says what to try."""
