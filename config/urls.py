"""Which address leads where: pages, /api/v1/, /admin/."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config import health, pages

# Staff enter by the same door as everybody, with its limits against guessing.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="portfolio:overview"), name="home"),
    path("accounts/", include("allauth.urls")),
    path("", include("brokers.urls")),
    path("", include("portfolio.urls")),
    path("", include("trading.urls")),
    path("", include("market.urls")),
    path("api/v1/", include(("brokers.api_urls", "brokers_api"))),
    path("api/v1/", include(("portfolio.api_urls", "portfolio_api"))),
    path("api/v1/", include(("trading.api_urls", "trading_api"))),
    path("api/v1/", include(("market.api_urls", "market_api"))),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/asyncapi.yaml", pages.asyncapi, name="asyncapi"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("docs/problems", pages.problems, name="problems"),
    path("health/", health.health, name="health"),
    path("admin/", admin.site.urls),
]

handler400 = "config.pages.bad_request"
handler403 = "config.pages.forbidden"
handler404 = "config.pages.not_found"
handler429 = "config.pages.too_many"  # not Django's own: the pages of signing in ask for it
handler500 = "config.pages.server_error"
