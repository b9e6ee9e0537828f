"""Figures as traders read them: money, prices, quantities, ages; the unknown is a dash."""

from django import template

register = template.Library()
