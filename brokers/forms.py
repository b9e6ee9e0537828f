"""What people type to bring a personal grant of their own."""

import re
from typing import Any

from django import forms

TYPED_SECRET = re.compile(r"[\x21-\x7e]{8,16384}")


class SecretField(forms.CharField):
    """A secret to paste in: never shown again, not even after an error."""

    widget = forms.PasswordInput(
        render_value=False, attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
    )

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if text and not TYPED_SECRET.fullmatch(text):
            raise forms.ValidationError("This is not whole: paste it again, without spaces or line breaks in it.")
        return text


class PersonalGrantForm(forms.Form):
    client_secret = SecretField(
        label="Client secret", help_text="Of your own OAuth application. The broker shows it once, when you make it."
    )
    refresh_token = SecretField(
        label="Refresh token", help_text="What “Create Grant” showed you. It is stored encrypted and never shown again."
    )
    client_id = forms.RegexField(
        r"^[\x21-\x7e]{1,128}$",
        label="Client id",
        required=False,
        help_text="Not needed. If you give it, it must be the one of this client secret.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    label = forms.CharField(
        label="Name of this connection", required=False, max_length=64, help_text="For yourself, such as “Margin”."
    )
