"""What templates know of holdings."""
