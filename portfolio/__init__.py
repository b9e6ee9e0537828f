"""What a person holds."""
