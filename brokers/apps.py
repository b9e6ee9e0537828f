"""The app's entry in Django."""

from django.apps import AppConfig


class BrokersConfig(AppConfig):
    name = "brokers"
    verbose_name = "Brokers"

    def ready(self) -> None:
        from brokers import checks  # noqa: F401 (registers itself)
