"""What the studio remembers: tables, transactions, queries, every path on disk."""
