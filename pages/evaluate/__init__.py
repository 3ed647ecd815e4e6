"""The Evaluate page: what was measured, two models compared, and what a report says."""
