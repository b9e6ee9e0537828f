"""Page addresses."""

from django.urls import path

from brokers import views

app_name = "brokers"
urlpatterns = [
    path("connections/", views.connections, name="connections"),
    path("connections/new", views.connect, name="connect"),
    path("connect/<slug:broker>/<slug:environment>/start", views.connect_start, name="connect_start"),
    path("connect/<slug:broker>/<slug:environment>/callback", views.connect_callback, name="connect_callback"),
    path("connect/<slug:broker>/<slug:environment>/personal", views.connect_personal, name="connect_personal"),
    path("connections/<uuid:connection_id>/disconnect", views.disconnect, name="disconnect"),
    path("connections/<uuid:connection_id>/test", views.connection_test, name="connection_test"),
    path(
        "connections/<uuid:connection_id>/accounts/<uuid:account_id>/default",
        views.account_default,
        name="account_default",
    ),
]
