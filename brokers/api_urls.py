"""API addresses below /api/v1/."""

from django.urls import path

from brokers import api

urlpatterns = [
    path("connections", api.ConnectionsView.as_view(), name="connections"),
    path("limits", api.LimitsView.as_view(), name="limits"),
    path("accounts", api.AccountsView.as_view(), name="accounts"),
    path("accounts/<uuid:account_id>", api.AccountView.as_view(), name="account"),
]
