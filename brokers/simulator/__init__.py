"""A program of its own: a made-up market behind the brokers' real wire."""
