"""The page of one symbol: its quote, its chart, and what the person has in it."""
