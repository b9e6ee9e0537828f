"""The app's entry in Django: brokers' order news are recorded, changes are told to the person's tabs."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "trading"
    verbose_name = "Trading"

    def ready(self) -> None:
        from brokers.signals import order_reported
        from trading import receivers
        from trading.models import order_changed

        order_reported.connect(receivers.record_news, dispatch_uid="trading.record_news")
        order_changed.connect(receivers.tell_tabs, dispatch_uid="trading.tell_tabs")
