"""Management commands of the brokers app."""
