"""What the studio remembers: tables, transactions, queries, migrations, and every path on disk."""
