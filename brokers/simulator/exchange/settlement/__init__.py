"""What happens to positions without an order: expiry, exercise, dividends, daily settlement."""
