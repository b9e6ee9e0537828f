"""Orders as they come in: tickets, groups, what is looked at before one is taken."""
