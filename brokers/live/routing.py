"""The websocket addresses."""

from django.urls import path

from brokers.live import revocation
from brokers.live.consumers import LiveConsumer

revocation.connect()
websocket_urlpatterns = [path("ws/v1/", LiveConsumer.as_asgi())]
