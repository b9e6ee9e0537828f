"""An order being made: chains, what is held, the market of its legs, and what was shown of it."""
