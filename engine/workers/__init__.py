"""Programs that do heavy work, each in its own process. The only place for torch."""
