"""What holdings tie up and what they are worth."""
