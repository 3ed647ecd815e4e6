"""What came of a sweep: its line in the list, its charts, which fields mattered, files to take away. It only reads."""
