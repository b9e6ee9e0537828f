"""The app's entry in Django: it listens to the brokers' streams."""

from django.apps import AppConfig


class PortfolioConfig(AppConfig):
    name = "portfolio"
    verbose_name = "Portfolio"

    def ready(self) -> None:
        from brokers.signals import account_changed, connection_removed
        from portfolio.changes import account_has_changed, connection_was_removed

        account_changed.connect(account_has_changed, dispatch_uid="portfolio")
        connection_removed.connect(connection_was_removed, dispatch_uid="portfolio")
