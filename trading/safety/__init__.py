"""What stands between a wish and the broker: halts, limits, and the facts the controls are told."""
