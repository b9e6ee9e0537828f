"""Live quotes and news, from the brokers to the tabs."""
