"""Page addresses."""

from django.urls import path

from portfolio import views

app_name = "portfolio"
urlpatterns = [
    path("portfolio/", views.overview, name="overview"),
    path("portfolio/glance", views.glance, name="glance"),
    path("portfolio/positions", views.positions, name="positions"),
]
