"""What is wrong with a page as it stands: what sticks out, and what axe has against it in dark and in light."""

import json
from typing import Any, Literal, TypeAlias

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SCRIPT = Axe().axe_script
Scheme: TypeAlias = Literal["dark", "light"]
SCHEMES: tuple[Scheme, ...] = ("dark", "light")
ALL = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
OF_COLOUR = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""The rules that a page's colours can break: all that a second scheme differs in."""
RUN = """async ([within, rules]) => {
  const { violations } = await axe.run(within, { ...rules, resultTypes: ["violations"] });
  return violations.map(({ id, help, nodes }) => [id, help, nodes.slice(0, 3).map(({ html }) => html.slice(0, 200))]);
}"""


def faults_of(page: Page, *, schemes: tuple[Scheme, ...] = SCHEMES, within: str = "html") -> list[str]:
    """In the size that the page has. Moves nothing but its colours."""
    found = []
    width, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    if width > room:
        found.append(f"{width - room} px stick out on the right")
    if not page.evaluate("'axe' in window"):
        page.evaluate(SCRIPT)
    rules: dict[str, Any] = ALL
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for rule, words, nodes in page.evaluate(RUN, [within, rules]):
            found.append(f"{scheme}, {rule}: {words} {json.dumps(nodes, ensure_ascii=False)}")
        rules = OF_COLOUR
    return found
