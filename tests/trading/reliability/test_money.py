"""Money is decimal from the text that was typed to the wire and back; nothing is not the same as unknown."""

import ast
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_broker import a_ticket

from brokers.domain.instruments import plain
from brokers.domain.orders import Action
from trading import tickets
from trading.api import inputs

ROOT = Path(__file__).resolve().parents[3]
MONEY = (
    "brokers/domain/orders.py",
    "brokers/domain/accounts.py",
    "brokers/tastytrade/codec/orders.py",
    "brokers/tastytrade/codec/accounts.py",
    "brokers/tradestation/codec/orders.py",
    "brokers/tradestation/codec/accounts.py",
    "brokers/tradestation/codec/placing.py",
    "trading/protocol/fills.py",
    "trading/protocol/news.py",
    "trading/orders.py",
    "trading/protocol/reading.py",
    "trading/protocol/sending.py",
    "trading/api/inputs.py",
    "trading/safety/snapshots.py",
    "trading/tickets.py",
    "trading/models/orders.py",
    "trading/models/replacements.py",
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "trading" / "risk").glob("*.py")) if path.stem != "worth"),
)


"""All of the controls but worth.py, whose worth of options by a model is an estimate."""


def floats_in(source: str) -> list[str]:
    """Where floats come up: numbers with a point that are no argument of time, and the type's own name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id == "float":
            found.append(f"{node.lineno}: float")
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append(f"{node.lineno}: {node.value}")
    return found


@pytest.mark.parametrize("path", MONEY)
def test_no_float_comes_near_money(path: str) -> None:
    assert floats_in((ROOT / path).read_text()) == []


@pytest.mark.parametrize("line", ["price = float(text)", "fee = 0.1", "def cost(price: float) -> None: ..."])
def test_the_lint_sees_floats(line: str) -> None:
    assert floats_in(line)


def written(whole: int, decimals: str) -> str:
    return f"{whole}.{decimals}" if decimals else str(whole)


NUMBERS = st.builds(written, st.integers(0, 10**8), st.text("0123456789", max_size=8)).filter(lambda t: Decimal(t) > 0)


@pytest.mark.parametrize(
    "cases", [500, pytest.param(1_000_000, marks=[pytest.mark.nightly, pytest.mark.timeout(3_600)])]
)
def test_a_number_stays_itself_from_the_text_to_the_kept_ticket_and_back(cases: int) -> None:
    @settings(max_examples=cases, deadline=None, database=None)
    @given(NUMBERS, NUMBERS, st.sampled_from([Action.BUY_TO_OPEN, Action.SELL_TO_CLOSE]))
    def there_and_back(price: str, quantity: str, action: Action) -> None:
        field = inputs.DecimalText()
        read = field.to_internal_value(price), field.to_internal_value(quantity)
        assert read == (Decimal(price), Decimal(quantity))
        ticket = a_ticket(quantity, price, action)
        again = tickets.from_json(tickets.to_json(ticket))
        assert again == ticket
        assert tickets.canonical(tickets.to_json(again)) == tickets.canonical(tickets.to_json(ticket))
        assert Decimal(plain(read[0])) == Decimal(price)
        assert "E" not in plain(read[0])

    there_and_back()


def test_a_way_over_floats_would_be_noticed() -> None:
    text = "12345678.12345678"
    assert plain(Decimal(float(text))) != text


@pytest.mark.parametrize(("amount", "shown"), [(None, None), (Decimal(0), "0.00"), (Decimal("-0.5"), "-0.50")])
def test_nothing_is_not_unknown(amount: Decimal | None, shown: str | None) -> None:
    assert tickets.amount_text(amount) == shown
