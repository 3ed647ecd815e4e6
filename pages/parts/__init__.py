"""What every page uses: escaped HTML, live parts, charts, fields, icons."""
