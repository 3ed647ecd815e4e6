"""How sure a difference between two models is: intervals, exact tests, verdicts, and plain sentences."""
