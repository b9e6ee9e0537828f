"""An account's books: what it holds, what it paid, its history."""
