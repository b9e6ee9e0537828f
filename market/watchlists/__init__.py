"""Lists of symbols: the person's own, and the broker's kept in step."""
