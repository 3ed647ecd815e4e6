"""Sweeps: settings found by trials, each of them a run; Optuna in a worker advises."""
