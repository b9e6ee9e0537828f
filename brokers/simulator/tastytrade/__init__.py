"""tastytrade's wire over the made-up market."""
