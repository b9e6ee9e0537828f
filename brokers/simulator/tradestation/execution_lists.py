"""The lists of order execution that hardly ever change: activation triggers (X7) and routes (X8)."""

from typing import Any

from brokers.simulator.tradestation.activation import TRIGGERS
from brokers.simulator.tradestation.gate import Ask

STOCK_ROUTES = ("AMEX", "ARCX", "BATS", "EDGX", "NSDQ", "NYSE")
NAMES = {"ARCX": "ARCA", "NSDQ": "NASDAQ"}


def activation_triggers(ask: Ask) -> Any:
    rows = [(key, *text.split("|", 1)) for key, text in TRIGGERS.items()]
    return {"ActivationTriggers": [{"Key": key, "Name": name, "Description": words} for key, name, words in rows]}


def routes(ask: Ask) -> Any:
    smart = {
        "Id": "Intelligent",
        "AssetTypes": ["STOCK", "STOCKOPTION", "INDEXOPTION", "FUTURE"],
        "Name": "Intelligent",
    }
    return {
        "Routes": [
            smart,
            *({"Id": each, "AssetTypes": ["STOCK"], "Name": NAMES.get(each, each)} for each in STOCK_ROUTES),
        ]
    }
