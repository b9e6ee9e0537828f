"""A desk of several processes that are killed at random: senders and a reconciler, on one database and one broker.

``python -m doomed`` loads the desk once; each task is forked from there (nursery.py) with TEST_DATABASE_URL, VAR_DIR
and LEDGER (the broker's socket) of its own, forks its processes in turn and tells its result as one JSON line.
"""
