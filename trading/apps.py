"""The app's entry in Django: brokers' order news are recorded, changes are told to the person's tabs."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "trading"
    verbose_name = "Trading"

    def ready(self) -> None:
        from brokers.signals import account_changed, account_stream_resumed, order_reported
        from trading import receivers
        from trading.audit.listening import listen
        from trading.models import order_changed
        from trading.patterns import looking
        from trading.protocol import durability  # noqa: F401 (registers its check)
        from trading.safety import runaway

        order_reported.connect(receivers.record_news, dispatch_uid="trading.record_news")
        account_stream_resumed.connect(receivers.list_again, dispatch_uid="trading.list_again")
        account_changed.connect(receivers.list_unread, dispatch_uid="trading.list_unread")
        listen()
        order_changed.connect(receivers.tell_tabs, dispatch_uid="trading.tell_tabs")
        order_changed.connect(looking.order_changed, dispatch_uid="trading.patterns")
        order_changed.connect(runaway.look, dispatch_uid="trading.runaway")
