"""Commands that people run by name."""
