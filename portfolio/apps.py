"""The app's entry in Django: it listens to the brokers' streams."""

from django.apps import AppConfig


class PortfolioConfig(AppConfig):
    name = "portfolio"
    verbose_name = "Portfolio"

    def ready(self) -> None:
        from brokers.signals import account_changed, account_stream_resumed, connection_removed
        from portfolio.changes import account_has_changed, account_stream_was_resumed, connection_was_removed

        account_changed.connect(account_has_changed, dispatch_uid="portfolio")
        account_stream_resumed.connect(account_stream_was_resumed, dispatch_uid="portfolio")
        connection_removed.connect(connection_was_removed, dispatch_uid="portfolio")
