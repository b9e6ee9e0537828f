"""Django's SQLite with writers that take turns, and connections that are kept for the next request's thread."""
