"""What a person looks at: quotes, option chains, charts, watchlists, market hours."""
