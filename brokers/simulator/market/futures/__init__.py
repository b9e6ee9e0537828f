"""Delivery months and the options on them: their calendar, their curve, their quotes."""
