"""What is wrong with a page as it stands: what sticks out, and what axe has against it in dark and in light."""

import json
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AXE = Axe()
SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}


def faults_of(page: Page) -> list[str]:
    found = []
    width, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    if width > room:
        found.append(f"{width - room} px stick out on the right")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for violation in AXE.run(page, options=RULES).response["violations"]:
            nodes = [node["html"][:200] for node in violation["nodes"][:3]]
            found.append(f"{scheme}, {violation['id']}: {violation['help']} {json.dumps(nodes, ensure_ascii=False)}")
    return found
