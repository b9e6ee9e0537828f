"""Connecting a person at either broker of the simulator, by the desk's pages and the broker's own."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from django.test import Client
from simulator_server import SimClient, SimulatorServer

from brokers import registry
from brokers.models import Connection

BOTH = ("tastytrade", "tradestation")
MARGIN_ACCOUNTS = {"tastytrade": "5WT00001", "tradestation": "SIM5000001M"}


def callback(broker: str) -> str:
    return f"/connect/{broker}/sim/callback"


def hosts_at(sim: SimulatorServer, broker: str) -> dict[str, str]:
    """A broker's hosts where the simulator serves it."""
    paths = registry.spec(broker).at_simulator
    assert paths is not None
    hosts = {name: sim.url + getattr(paths, name) for name in ("api", "authorize", "token")}
    return hosts | ({"streamer": sim.url.replace("http", "ws") + paths.streamer} if paths.streamer else {})


def point_at(settings: Any, sim: SimulatorServer, *brokers: str) -> dict[str, SimClient]:
    """Make the simulator the SIM of these brokers, and no other's; the desk's OAuth client at each."""
    clients = {broker: sim.add_client(settings.BASE_URL + callback(broker), broker=broker) for broker in brokers}
    settings.BROKER_HOSTS = {(broker, "sim"): hosts_at(sim, broker) for broker in brokers}
    settings.BROKER_CLIENTS = {(broker, "sim"): vars(client) for broker, client in clients.items()}
    return clients


def begin(browser: Client, broker: str) -> str:
    """The address at the broker that the desk sends its person to."""
    return str(browser.post(f"/connect/{broker}/sim/start")["Location"])


def decide(sim: SimulatorServer, address: str, decision: str = "allow", user: str = "demo") -> dict[str, str]:
    """Sign in and decide at the broker; what it sends the person back with."""
    form = {"step": "sign-in", "user": user, "password": sim.control("")["users"][user]}
    ticket = re.search(r'name="ticket" value="([^"]+)"', requests.post(address, data=form, timeout=30).text)
    assert ticket
    form = {"step": "consent", "ticket": ticket[1], "decision": decision}
    back = requests.post(address, data=form, allow_redirects=False, timeout=30).headers["Location"]
    return dict(parse_qsl(urlsplit(back).query))


def come_back(browser: Client, broker: str, answer: dict[str, str]) -> Any:
    return browser.get(f"{callback(broker)}?{urlencode(answer)}")


def connect(browser: Client, sim: SimulatorServer, broker: str, user: str = "demo") -> Connection:
    """The whole way; the connection that it made or renewed."""
    page = come_back(browser, broker, decide(sim, begin(browser, broker), user=user))
    assert page.status_code == 302, page.content
    return Connection.objects.filter(broker=broker).latest("refreshed_at")
