"""PostgreSQL for the desk: Django's own, with a pool that sees by their sockets whether its connections live."""
