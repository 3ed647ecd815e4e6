"""What rows become: one reader a kind, whatever columns its parts are in."""
