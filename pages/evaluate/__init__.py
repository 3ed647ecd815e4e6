"""The Evaluate page: what was measured, side by side, and each report in full."""
