"""A desk of several processes that are killed at random: senders and a reconciler, on one database and one broker.

``python -m doomed <task> '<json>'`` with TEST_DATABASE_URL and LEDGER (the broker's socket) in the environment. It
loads the desk once and forks its processes from there; it prints one JSON line at the end.
"""
