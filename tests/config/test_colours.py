"""Colours that can be read: the contrast of every text on everything it may stand on, in both themes."""

import re
from itertools import product
from pathlib import Path

import pytest
from django.conf import settings

CSS = Path(settings.BASE_DIR) / "static" / "css"
COLOUR = re.compile(r"--([\w-]+): (?:light-dark\((#\w{6}), (#\w{6})\)|(#\w{6}));")


def colours(theme: int) -> dict[str, str]:
    """The colours of a theme (0 light, 1 dark), as far as they are given outright."""
    tokens = (CSS / "tokens.css").read_text().split("@media")[0]
    return {name: both or (light, dark)[theme] for name, light, dark, both in COLOUR.findall(tokens)}


def luminance(colour: str) -> float:
    shares = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, 1.4.3: from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


SURFACES = ["bg", "surface", "surface-2", "hover"]
TEXTS = ["text", "muted", "accent", "up", "down", "warn", "info"]
TINTED = [("up", "up-tint"), ("down", "down-tint"), ("warn", "warn-tint"), ("info", "info-tint")]
TINTED += [(text, f"{kind}-tint") for text in ("text", "up", "down") for kind in ("up", "down", "warn", "info")]
FILLS = [("on-sim", "sim"), ("on-live", "live"), ("on-fill", "accent-fill"), ("on-fill", "danger-fill")]
FILLS += [("on-fill", "accent-fill-hover"), ("on-fill", "danger-fill-hover")]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "behind"), [*product(TEXTS, SURFACES), *TINTED, *FILLS])
def test_every_text_can_be_read_on_every_row_tint(theme: int, text: str, behind: str) -> None:
    given = colours(theme)
    assert contrast(given[text], given[behind]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("line", ["line-strong", "accent"])
def test_borders_of_controls_and_focus_rings_can_be_seen(theme: int, line: str) -> None:
    given = colours(theme)
    assert all(contrast(given[line], given[behind]) >= 3 for behind in SURFACES)


def test_styles_use_the_tokens_and_no_colours_of_their_own() -> None:
    stray = {
        path.name: found
        for path in CSS.glob("*.css")
        if path.name not in ("tokens.css", "admin.css", "api-docs.css")
        and (found := re.findall(r"#[0-9a-f]{3,8}\b(?=[;,) ])", path.read_text()))
    }
    assert stray == {}
