"""The REST API, one noun a file. The engine does the work; these files say what goes in and what comes out."""
