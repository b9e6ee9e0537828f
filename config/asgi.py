"""The ASGI application: http → Django, websocket → origin check → sign-in → routing, lifespan → background work."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 (needs the apps loaded)
from django.conf import settings  # noqa: E402

from brokers.live.routing import websocket_urlpatterns  # noqa: E402
from brokers.live.signin import OwnOrigin, SignIn  # noqa: E402
from config.background import Lifespan  # noqa: E402
from config.handling import OneThreadHandler  # noqa: E402


def allowed_origins() -> list[str]:
    """The desk's own origin with its port; on a local desk by either of its names."""
    origins = [settings.BASE_URL]
    if settings.LOCAL and "//localhost" in settings.BASE_URL:
        origins.append(settings.BASE_URL.replace("//localhost", "//127.0.0.1"))
    return origins


application = ProtocolTypeRouter(
    {
        "http": OneThreadHandler(),
        "websocket": OwnOrigin(SignIn(URLRouter(websocket_urlpatterns)), allowed_origins()),
        "lifespan": Lifespan(),
    }
)
