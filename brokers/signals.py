"""What happens to a connection, told to whoever listens. Receivers may use the ORM."""

from django.dispatch import Signal

# connection_id: UUID. Sent after the removal was committed; feeds of this connection end.
connection_removed = Signal()

# connection: Connection, event: made | renewed | removed | needs_sign_in | suspended, by: user id or None,
# detail: dict.
# Sent within the transaction that does it: a receiver that raises undoes it.
connection_changed = Signal()

# connection: Connection, event: refreshed | refused, detail: dict. Sent after the outcome was stored, whatever
# receivers make of it: a renewed token must never be lost.
connection_renewed = Signal()

# connection_id: UUID, updates: list[OrderUpdate]. Sent by the feed, from a worker thread.
order_reported = Signal()

# connection_id: UUID. Sent by the feed, from a worker thread, each time the account stream is live (again): it
# replays nothing, so orders, balances and positions are to be read anew.
account_stream_resumed = Signal()

# connection_id: UUID, change: AccountChanged. Sent by the feed, from a worker thread.
account_changed = Signal()
