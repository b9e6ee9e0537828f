"""Where orders work: their way, their queue, their fills, their end."""
