"""What happens to a connection, told to whoever listens. Receivers may use the ORM."""

from django.dispatch import Signal

# connection_id: UUID. Sent after the removal was committed; feeds of this connection end.
connection_removed = Signal()

# connection_id: UUID, updates: list[OrderUpdate]. Sent by the feed, from a worker thread.
order_reported = Signal()

# connection_id: UUID. Sent by the feed, from a worker thread, each time the account stream is live (again): it
# replays nothing, so orders, balances and positions are to be read anew.
account_stream_resumed = Signal()

# connection_id: UUID, change: AccountChanged. Sent by the feed, from a worker thread.
account_changed = Signal()
