"""The JSON API of orders and of safety."""
