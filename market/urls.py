"""Page addresses."""

from django.urls import path

from market import finder
from market.chain import views as chain_views
from market.symbol import views as symbol_views
from market.watchlists import acts as watchlist_acts
from market.watchlists import views as watchlist_views

app_name = "market"
urlpatterns = [
    path("chains/", chain_views.index, name="chains"),
    path("chains/<path:symbol>", chain_views.chain, name="chain"),
    path("find", finder.find, name="find"),
    path("symbols/<path:symbol>", symbol_views.symbol_page, name="symbol"),
    path("symbol-marks/<path:symbol>", symbol_views.marks_part, name="marks"),
    path("watchlists/", watchlist_views.index, name="watchlists"),
    path("watchlists/new", watchlist_acts.create, name="new_watchlist"),
    path("watchlists/symbol", watchlist_acts.add_symbol, name="add_symbol"),
    path("watchlists/<uuid:list_id>", watchlist_views.one, name="watchlist"),
    path("watchlists/<uuid:list_id>/act", watchlist_acts.act, name="act_on_watchlist"),
    path("watchlists/<uuid:list_id>.csv", watchlist_views.export, name="watchlist_csv"),
]
