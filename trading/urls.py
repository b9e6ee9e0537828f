"""Page addresses."""

from django.urls import path

from trading import choosing, views

app_name = "trading"
urlpatterns = [
    path("trade", views.ticket, name="ticket"),
    path("trade/place", views.place, name="place"),
    path("trade/options", choosing.option_chain, name="option_chain"),
    path("trade/instrument", choosing.instrument, name="instrument"),
    path("orders/", views.orders_page, name="orders"),
    path("orders/<uuid:order_id>", views.order, name="order"),
    path("orders/<uuid:order_id>/cancellation", views.cancel, name="cancel"),
]
