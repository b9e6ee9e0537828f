"""System checks: what about keys, clients and hosts would fail later or leak, said at the start and in words."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from brokers.port import BrokerSpec, Environment
from brokers.registry import BROKERS
from brokers.vault import BadKeys, keyring

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ENCRYPTED = frozenset({"https", "wss"})


@register("brokers")
def check_brokers(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    return [*_keys(), *_base_url(), *_clients(), *_hosts(), *_mixed_worlds()]


def _keys() -> Iterator[CheckMessage]:
    try:
        keyring()
    except BadKeys as error:
        yield Error(str(error), hint="Each entry is id:base64, made by `python -m brokers.vault`.", id="brokers.E001")


def _base_url() -> Iterator[CheckMessage]:
    parts = urlsplit(settings.BASE_URL)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        yield Error(
            f"BASE_URL {settings.BASE_URL} is not encrypted: brokers would send sign-in codes over an open line.",
            hint="Serve the desk under https://, or on localhost only.",
            id="brokers.E002",
        )
    hosts = settings.ALLOWED_HOSTS
    if parts.hostname not in hosts and "*" not in hosts:
        yield Warning(
            f"ALLOWED_HOSTS lacks {parts.hostname}, the host of BASE_URL: brokers send people back to a refusal.",
            id="brokers.W001",
        )


def _clients() -> Iterator[CheckMessage]:
    for (broker, environment), client in settings.BROKER_CLIENTS.items():
        if bool(client.get("client_id")) != bool(client.get("client_secret")):
            missing = "secret" if client.get("client_id") else "id"
            yield Error(
                f"The OAuth client of {broker} {environment} has no {missing}.",
                hint="Set both CLIENT_ID and CLIENT_SECRET, or neither.",
                id="brokers.E003",
            )


def _hosts() -> Iterator[CheckMessage]:
    for (broker, environment), hosts in settings.BROKER_HOSTS.items():
        for name, url in hosts.items():
            parts = urlsplit(url)
            if not parts.hostname or parts.scheme not in ENCRYPTED | {"http", "ws"}:
                yield Error(f"The {name} address of {broker} {environment}, {url!r}, is no URL.", id="brokers.E004")
            elif parts.scheme not in ENCRYPTED and not _may_be_open(parts.hostname, environment):
                yield Error(
                    f"The {name} address of {broker} {environment}, {url}, is not encrypted: tokens would be readable.",
                    hint="Only a simulator on this machine, or any simulator of a LOCAL desk, may go without https.",
                    id="brokers.E005",
                )


def _may_be_open(hostname: str, environment: str) -> bool:
    return hostname in LOOPBACK or (settings.LOCAL and environment != "live")


def _mixed_worlds() -> Iterator[CheckMessage]:
    """An address that serves both worlds would let practice move real money; a token may well be good in both."""
    for broker, spec in BROKERS.items():
        apart = [host for host in asdict(spec.hosts[Environment.LIVE]) if not _is_one_for_both_worlds(spec, host)]
        live, simulated = (_addresses(spec, environment) for environment in (Environment.LIVE, Environment.SIM))
        if shared := {live[host] for host in apart if live[host]} & set(simulated.values()):
            yield Error(
                f"{broker} has the same address for sim and live: {', '.join(sorted(shared))}.", id="brokers.E006"
            )


def _addresses(spec: BrokerSpec, environment: Environment) -> dict[str, str]:
    """A broker's hosts with those that the installation replaced, comparable."""
    found = asdict(spec.hosts[environment]) | settings.BROKER_HOSTS.get((spec.name, environment.value), {})
    return {host: url.rstrip("/").lower() for host, url in found.items()}


def _is_one_for_both_worlds(spec: BrokerSpec, host: str) -> bool:
    """Whether the broker itself serves SIM and LIVE there: some have one sign-in for both."""
    return len({getattr(hosts, host) for hosts in spec.hosts.values()}) == 1
