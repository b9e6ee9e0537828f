"""Who may make an account on this installation."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class SignupAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """``SIGNUP_OPEN=0`` closes the door: then staff make users in the admin."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP_OPEN)
