"""Unusual patterns in how the desk is used: explainable rules over facts, and the alerts that come of them.

``rules`` are pure and look at ``facts``; ``gathering`` reads these from the database, ``raising`` keeps the alerts.
``confirming`` holds what is asked before an order is sent.
"""
