"""API addresses below /api/v1/."""

from django.urls import path

from trading import api

urlpatterns = [
    path("orders", api.OrdersView.as_view(), name="orders"),
    path("orders/preview", api.PreviewView.as_view(), name="preview"),
    path("orders/<uuid:order_id>", api.OneOrderView.as_view(), name="order"),
    path("accounts/<uuid:account_id>/orders", api.AccountOrdersView.as_view(), name="account_orders"),
    path("symbols", api.SymbolsView.as_view(), name="symbols"),
]
