"""API addresses below /api/v1/."""

from django.urls import path

from portfolio import api

urlpatterns = [
    path("accounts/<uuid:account_id>/balances", api.BalancesView.as_view(), name="balances"),
    path("accounts/<uuid:account_id>/positions", api.PositionsView.as_view(), name="positions"),
]
