"""TradeStation's JSON against the desk's values: requests out, answers in, no sockets.

Section numbers are those of the wire reference for TradeStation's API v3.
"""
