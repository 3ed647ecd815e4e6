"""What is shown of sweeps: charts, the list, files to take away, which fields mattered. It only reads."""
