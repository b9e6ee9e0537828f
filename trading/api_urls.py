"""API addresses below /api/v1/."""

from django.urls import path

from trading import alerts, receipts
from trading.api import groups, order_api, placing, safety_api

urlpatterns = [
    path("orders", placing.OrdersView.as_view(), name="orders"),
    path("orders/preview", placing.PreviewView.as_view(), name="preview"),
    path("orders/cancel-all", order_api.CancelAllView.as_view(), name="cancel_all"),
    path("orders/<uuid:order_id>", order_api.AnOrderView.as_view(), name="order"),
    path("orders/<uuid:order_id>/preview", order_api.ChangePreviewView.as_view(), name="change_preview"),
    path("orders/<uuid:order_id>/decision", order_api.DecisionView.as_view(), name="decision"),
    path("order-groups", order_api.GroupsView.as_view(), name="groups"),
    path("order-groups/preview", order_api.GroupPreviewView.as_view(), name="group_preview"),
    path("order-groups/<uuid:group>", groups.GroupView.as_view(), name="group"),
    path("halt", safety_api.HaltView.as_view(), name="halt"),
    path("limits/trading", safety_api.TradingLimitsView.as_view(), name="trading_limits"),
    path("alerts", alerts.AlertsView.as_view(), name="alerts"),
    path("alerts/<uuid:alert_id>/closing", alerts.CloseAlertView.as_view(), name="close_alert"),
    path("orders/<uuid:order_id>/receipt", receipts.ReceiptView.as_view(), name="receipt"),
    path("accounts/<uuid:account_id>/orders", placing.AccountOrdersView.as_view(), name="account_orders"),
    path("symbols", placing.SymbolsView.as_view(), name="symbols"),
]
