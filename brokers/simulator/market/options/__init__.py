"""Options on shares, indexes and futures: what is listed, what it is worth."""
