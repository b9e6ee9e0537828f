"""What a page ships before it is first painted, packed as the desk itself packs it: at most 60 kB."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from brokers.models import Account

PACKED = {"HTTP_ACCEPT_ENCODING": "gzip"}
MOST = 60_000
PAGES = {
    "overview": "/portfolio/",
    "positions": "/portfolio/positions",
    "chain": "/chains/$SPX",
    "symbol": "/symbols/SPY",
    "ticket": "/trade?symbol=SPY&action=buy_to_open&quantity=1&limit_price=10.00",
    "orders": "/orders/",
    "watchlists": "/watchlists/",
    "chosen chain": "/chains/",
    "found": "/find?q=apple",
}
STYLE = re.compile(r'<link[^>]+href="(/static/[^"]+\.css)"')
BLOCKING = re.compile(r'<script(?![^>]*(?:type="module"|defer|async))[^>]+src="(/static/[^"]+)"')
MODULE = re.compile(r'<script[^>]+type="module"[^>]+src="(/static/[^"]+)"')
IMPORTED = re.compile(r'(?:from|import)\s+"(\.{1,2}/[^"]+)"')


def weight(client: Client, address: str) -> int:
    """Bytes on the wire, whoever serves them."""
    response = client.get(address, **PACKED)
    assert response.status_code == 200, f"{address}: {response.status_code}"
    return len(b"".join(response.streaming_content) if response.streaming else response.content)


def modules(page: str) -> set[str]:
    """Scripts that run after the page is painted, with all that they import."""
    found, waiting = set(), MODULE.findall(page)
    while waiting:
        address = waiting.pop()
        if address in found:
            continue
        found.add(address)
        source = Path(settings.BASE_DIR) / address.lstrip("/")
        text = source.read_text() if source.exists() else ""
        waiting += [str((Path(address).parent / name).as_posix()) for name in IMPORTED.findall(text)]
    return {re.sub(r"/[^/]+/\.\./", "/", each) for each in found}


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
def test_what_a_page_ships_before_it_is_painted_is_little(account: Account, trader: Client) -> None:
    weights = {}
    for name, address in PAGES.items():
        plain = trader.get(address, follow=True)
        assert plain.status_code == 200, f"{name}: {plain.status_code}"
        final = plain.redirect_chain[-1][0] if plain.redirect_chain else address
        page = plain.content.decode()
        before = [weight(trader, each) for each in {*STYLE.findall(page), *BLOCKING.findall(page)}]
        later = [weight(trader, each) for each in modules(page)]
        html = weight(trader, final)
        weights[name] = html + sum(before)
        print(
            f"{name}: html {len(plain.content)} -> {html}, with styles {weights[name]}, scripts that come after it"
            f" {sum(later)} in {len(later)}"
        )
        assert len(before) >= 1
    assert max(weights.values()) <= MOST, weights
