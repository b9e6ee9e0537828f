"""Page addresses."""

from django.urls import path

from trading import alerts, receipts
from trading.pages import (
    cancel_views,
    choosing,
    figure_views,
    group_views,
    holding_views,
    order_views,
    safety_views,
    ticket_views,
    views,
)

app_name = "trading"
urlpatterns = [
    path("trade", group_views.ticket, name="ticket"),
    path("trade/group", group_views.place, name="place_group"),
    path("trade/place", ticket_views.place, name="place"),
    path("trade/holding", holding_views.from_holding, name="from_holding"),
    path("trade/options", choosing.option_chain, name="option_chain"),
    path("trade/figures", figure_views.figures, name="figures"),
    path("orders/", views.orders_page, name="orders"),
    path("orders/<uuid:order_id>", views.order, name="order"),
    path("halt", safety_views.halt, name="halt"),
    path("halt/<uuid:halt_id>/rearming", safety_views.rearm, name="rearm"),
    path("settings/limits", safety_views.limits_page, name="limits"),
    path("alerts/", alerts.alerts_page, name="alerts"),
    path("alerts/<uuid:alert_id>/closing", alerts.close_page, name="close_alert"),
    path("orders/<uuid:order_id>/receipt", receipts.receipt_page, name="receipt"),
    path("orders/cancelling", cancel_views.cancel_all, name="cancel_all"),
    path("orders/cancelling/<uuid:run_id>", cancel_views.cancel_run, name="cancel_run"),
    path("orders/groups/<uuid:group>/cancellation", cancel_views.cancel_group, name="cancel_group"),
    path("orders/<uuid:order_id>/cancellation", cancel_views.cancel, name="cancel"),
    path("orders/<uuid:order_id>/replacement", order_views.replacement, name="replacement"),
    path("orders/<uuid:order_id>/decision", order_views.decision, name="decision"),
]
