"""People's permission to use brokers, and the brokers themselves."""
