"""What comes in on the Data page: the form, and the preview of what an import would make of it."""
