"""API addresses below /api/v1/."""

from django.urls import path

from market import api
from market.watchlists import api as watchlist_api

urlpatterns = [
    path("quotes", api.QuotesView.as_view(), name="quotes"),
    path("greeks", api.GreeksView.as_view(), name="greeks"),
    path("chains/<path:symbol>", api.ChainView.as_view(), name="chain"),
    path("bars/<path:symbol>", api.BarsView.as_view(), name="bars"),
    path("metrics", api.MetricsView.as_view(), name="metrics"),
    path("market-status", api.MarketStatusView.as_view(), name="market_status"),
    path("watchlists", watchlist_api.WatchlistsView.as_view(), name="watchlists"),
    path("watchlists/<uuid:list_id>", watchlist_api.WatchlistView.as_view(), name="watchlist"),
]
