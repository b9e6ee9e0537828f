"""How an order is sent, followed and found again: never doubled, never lost."""
