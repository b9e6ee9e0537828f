"""The same desk at either broker's wire: it places, changes and cancels, and reads back what there is as ``Seen``."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Equity, Instrument
from brokers.simulator.tastytrade.symbols import api_symbol, type_name
from brokers.simulator.tradestation.symbols import to_wire
from tests.brokers.simulator.in_process import Program
from tests.brokers.simulator.recount import Line
from tests.brokers.simulator.wishes import Part, Wish

TASTY_ENDS = {"Filled": "filled", "Cancelled": "cancelled", "Expired": "expired", "Rejected": "rejected"}
# What may change of an order that is over: its kin, and what is looked up in the market, where contracts end.
TASTY_MOVES = ("complex-order-tag", "preflight-id", "underlying-symbol")
STATION_MOVES = ("ConditionalOrders", "AdvancedOptions", "Legs")
STATION_LEG_MOVES = ("AssetType", "Underlying", "ExpirationDate")
TS_ENDS = {"FLL": "filled", "OUT": "cancelled", "FLP": "cancelled", "EXP": "expired", "REJ": "rejected"}


@dataclass(frozen=True)
class SeenLeg:
    """``price`` is the average of what has traded."""

    symbol: str
    sign: int
    quantity: Decimal
    done: Decimal
    price: Decimal
    fills: tuple[tuple[str, Decimal, Decimal], ...] = ()


@dataclass(frozen=True)
class Seen:
    """An order as a wire shows it; ``end`` is "" while it works. ``told`` is all that must not change any more."""

    number: str
    end: str
    legs: tuple[SeenLeg, ...]
    told: Any = field(compare=False)
    fee: Decimal | None = None


@dataclass(frozen=True)
class Account:
    """What a wire says of an account: positions are signed, by the instrument's canonical name."""

    cash: Decimal
    worth: Decimal
    owed: Decimal
    buying_power: Decimal
    requirement: Decimal
    positions: dict[str, Decimal]
    prices: dict[str, Decimal]


class Names:
    """What a wire's symbols stand for; every instrument that is wished for is learnt."""

    def __init__(self) -> None:
        self.known: dict[str, Instrument] = {}

    def learn(self, instrument: Instrument) -> None:
        for spelt in (api_symbol(instrument), to_wire(instrument)):
            self.known[spelt] = instrument

    def of(self, symbol: str) -> str:
        return str(self.known[symbol])


class TastyDesk:
    broker = "tastytrade"
    kinds = ("limit",) * 6 + ("market", "market", "stop", "stop_limit", "marketable", "notional")
    lives = ("day",) * 6 + ("gtc", "gtc", "gtd", "ioc", "ext", "gtc_ext")
    words = {"day": "Day", "gtc": "GTC", "gtd": "GTD", "ioc": "IOC", "ext": "Ext", "gtc_ext": "GTC Ext"}
    types = {"limit": "Limit", "market": "Market", "stop": "Stop", "stop_limit": "Stop Limit"} | {
        "marketable": "Marketable Limit",
        "notional": "Notional Market",
    }

    def __init__(self, program: Program, token: str, number: str, names: Names) -> None:
        self.program, self.token, self.names = program, token, names
        self.number, self.base = number, f"/tastytrade/accounts/{number}"

    def call(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        return self.program.ask(method, self.base + path, body, self.token, **query)

    def get(self, path: str, **query: str) -> Any:
        status, answer = self.call("GET", path, **query)
        assert status == 200, answer
        return answer["data"]["items"]

    # Orders

    def body(self, wish: Wish) -> dict[str, Any]:
        body: dict[str, Any] = {"order-type": self.types[wish.kind], "time-in-force": self.words[wish.life]}
        if wish.kind == "notional":
            body |= {"value": "250.00", "value-effect": "Debit" if wish.first.buys else "Credit"}
        if wish.price is not None:
            body |= {"price": str(abs(wish.price)), "price-effect": "Credit" if wish.price > 0 else "Debit"}
        if wish.stop is not None:
            body["stop-trigger"] = str(wish.stop)
        if wish.life == "gtd":
            body["gtc-date"] = (self.program.clock.now() + timedelta(days=2)).date().isoformat()
        return body | {"legs": [self.leg(part, wish.kind) for part in wish.parts]} | wish.extras

    def leg(self, part: Part, kind: str) -> dict[str, Any]:
        self.names.learn(part.instrument)
        verb = "Buy" if part.buys else "Sell"
        action = verb if part.opens is None else f"{verb} to {'Open' if part.opens else 'Close'}"
        leg = {"instrument-type": type_name(part.instrument), "symbol": api_symbol(part.instrument), "action": action}
        return leg if kind == "notional" else leg | {"quantity": str(part.quantity)}

    def rules(self, condition: dict[str, Any] | None, at: Any) -> dict[str, Any]:
        rules: dict[str, Any] = {}
        if at is not None:
            rules["route-after"] = at.isoformat()
        if condition is not None:
            rules["conditions"] = [
                {"action": "route", "symbol": condition["symbol"], "instrument-type": "Equity", "indicator": "last"}
                | {"comparator": condition["comparator"], "threshold": str(condition["threshold"])}
            ]
        return {"rules": rules}

    def place(self, wish: Wish) -> list[str]:
        status, answer = self.call("POST", "/orders", self.body(wish))
        return [str(answer["data"]["order"]["id"])] if status == 201 else []

    def group(self, bond: str, wishes: list[Wish], parent: Wish | None) -> list[str]:
        """OCO, or two that wait for one (which exclude each other unless they are independent)."""
        kind = "OCO" if parent is None else "OTO" if bond == "normal" else "OTOCO"
        body: dict[str, Any] = {"type": kind, "orders": [self.body(wish) for wish in wishes]}
        if parent is not None:
            body["trigger-order"] = self.body(parent)
        status, answer = self.call("POST", "/complex-orders", body)
        if status != 201:
            return []
        made = answer["data"]["complex-order"]
        first = [made["trigger-order"]] if parent is not None else []
        return [str(order["id"]) for order in (*first, *made["orders"])]

    def change(self, number: str, wish: Wish, whole: bool) -> list[str]:
        """Replace or edit: the new order's number."""
        body = self.body(wish)
        if not whole:
            body = {
                name: body[name] for name in ("order-type", "price", "price-effect", "stop-trigger") if name in body
            }
        status, answer = self.call("PUT" if whole else "PATCH", f"/orders/{number}", body)
        return [str(answer["data"]["id"])] if status == 200 else []

    def cancel(self, number: str) -> None:
        self.call("DELETE", f"/orders/{number}")

    # What there is

    def orders(self) -> list[Seen]:
        return [self.seen(order) for order in self.get("/orders", **{"per-page": "200", "start-date": "2026-01-01"})]

    def seen(self, order: dict[str, Any]) -> Seen:
        legs = []
        for leg in order["legs"]:
            fills = tuple(
                (fill["fill-id"], Decimal(str(fill["quantity"])), Decimal(fill["fill-price"])) for fill in leg["fills"]
            )
            done = sum((quantity for _, quantity, _ in fills), Decimal(0))
            paid = sum((quantity * price for _, quantity, price in fills), Decimal(0))
            size, left = Decimal(str(leg["quantity"])), Decimal(str(leg["remaining-quantity"]))
            assert size == done + left, order
            sign = 1 if leg["action"].startswith("Buy") else -1
            name = self.names.of(leg["symbol"])
            legs.append(SeenLeg(name, sign, size, done, paid / done if done else Decimal(0), fills))
        told = {name: each for name, each in order.items() if name not in TASTY_MOVES}
        return Seen(str(order["id"]), TASTY_ENDS.get(order["status"], ""), tuple(legs), told)

    def account(self) -> Account:
        balance = self.get("/balances")[0]
        held, prices = {}, {}
        for row in self.get("/positions", **{"include-marks": "true"}):
            sign = -1 if row["quantity-direction"] == "Short" else 1
            self.learn_delivered(row)
            name = self.names.of(row["symbol"])
            held[name] = sign * Decimal(str(row["quantity"]))
            prices[name] = Decimal(row["mark-price"])
        sign = -1 if balance["intraday-futures-cash-effect"] == "Debit" else 1
        return Account(
            cash=Decimal(balance["cash-balance"]),
            worth=Decimal(balance["net-liquidating-value"]),
            owed=sign * Decimal(balance["intraday-futures-cash-amount"]),
            buying_power=Decimal(balance["derivative-buying-power"]),
            requirement=Decimal(balance["reg-t-margin-requirement"]),
            positions=held,
            prices=prices,
        )

    def learn_delivered(self, row: dict[str, Any]) -> None:
        if row["instrument-type"] == "Equity":
            self.names.learn(Equity(row["symbol"]))

    def lines(self) -> list[Line]:
        """The history, oldest first."""
        rows = self.get("/transactions", **{"per-page": "2000", "sort": "Asc"})
        return [self.line(row) for row in rows]

    def line(self, row: dict[str, Any]) -> Line:
        names = ("commission", "clearing-fees", "regulatory-fees", "proprietary-index-option-fees")
        fees = sum((signed(row, name) for name in names), Decimal(0))
        assert signed(row, "value") + fees == signed(row, "net-value"), row
        symbol = str(self.names.known.get(row.get("symbol", ""), row.get("symbol", "")))
        if "action" not in row:
            settles = row["transaction-sub-type"] == "Mark to Market"
            return Line(symbol, Decimal(0), Decimal(0), Decimal(1), fees, signed(row, "value"), is_settlement=settles)
        sign = 1 if row["action"].startswith("Buy") else -1
        future = row["instrument-type"] == "Future"
        delivered = row["transaction-type"] != "Trade" and Decimal(row["price"]) and not future
        return Line(
            symbol,
            sign * Decimal(row["quantity"]),
            Decimal(row["price"]),
            multiplier(symbol),
            fees,
            signed(row, "value") if delivered else None,
            moves_cash=not future,
        )

    def fills_in_history(self) -> dict[str, tuple[str, Decimal, Decimal]]:
        """Fill number: order, quantity, price."""
        rows = self.get("/transactions", **{"per-page": "2000", "types": "Trade"})
        return {row["exec-id"]: (str(row["order-id"]), Decimal(row["quantity"]), Decimal(row["price"])) for row in rows}


class StationDesk:
    broker = "tradestation"
    kinds = ("limit",) * 6 + ("market", "market", "stop", "stop_limit", "trail")
    lives = ("day",) * 6 + ("gtc", "gtc", "gtd", "ioc", "fok", "ext", "gtc_ext", "open", "close", "3")
    words = {"day": "DAY", "gtc": "GTC", "gtd": "GTD", "ioc": "IOC", "fok": "FOK", "ext": "DYP", "gtc_ext": "GCP"} | {
        "open": "OPG",
        "close": "CLO",
        "3": "3",
    }
    types = {"limit": "Limit", "market": "Market", "stop": "StopMarket", "stop_limit": "StopLimit"} | {
        "trail": "StopMarket"
    }

    def __init__(self, program: Program, token: str, number: str, names: Names, kind: str) -> None:
        self.program, self.token, self.names, self.number = program, token, names, number
        digits = number.split("WT")
        self.name = f"SIM{digits[0]}{int(digits[1]):06d}{'F' if kind == 'futures' else 'M'}"
        self.made: list[str] = []

    def call(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        return self.program.ask(method, f"/tradestation/v3{path}", body, self.token, **query)

    def get(self, path: str) -> Any:
        status, answer = self.call("GET", f"/brokerage/accounts/{self.name}{path}")
        assert status == 200, answer
        assert answer["Errors"] == []
        return answer

    def body(self, wish: Wish) -> dict[str, Any]:
        force = {"Duration": self.words[wish.life]}
        if wish.life == "gtd":
            force["Expiration"] = (self.program.clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT00:00:00Z")
        body: dict[str, Any] = {"AccountID": self.name, "OrderType": self.types[wish.kind], "TimeInForce": force}
        if wish.price is not None:
            net = -wish.price if len(wish.parts) > 1 else abs(wish.price)
            body["LimitPrice"] = str(net)
        if wish.stop is not None:
            body["StopPrice"] = str(wish.stop)
        if wish.kind == "trail":
            body["AdvancedOptions"] = {"TrailingStop": {"Amount": "0.05"}}
        legs = [self.leg(part, len(wish.parts) > 1) for part in wish.parts]
        body |= legs[0] if len(legs) == 1 else {"Legs": legs}
        extras = dict(wish.extras)
        advanced = body.get("AdvancedOptions", {}) | extras.pop("AdvancedOptions", {})
        return body | ({"AdvancedOptions": advanced} if advanced else {}) | extras

    def leg(self, part: Part, several: bool) -> dict[str, Any]:
        self.names.learn(part.instrument)
        verb = "BUY" if part.buys else "SELL"
        if isinstance(part.instrument, Equity) and not several:
            action = verb if part.buys == bool(part.opens) else "BUYTOCOVER" if part.buys else "SELLSHORT"
        else:
            action = verb if part.opens is None else f"{verb}TO{'OPEN' if part.opens else 'CLOSE'}"
        return {"Symbol": to_wire(part.instrument), "Quantity": str(part.quantity), "TradeAction": action}

    def rules(self, condition: dict[str, Any] | None, at: Any) -> dict[str, Any]:
        advanced: dict[str, Any] = {}
        if at is not None:
            advanced["TimeActivationRules"] = [{"TimeUtc": f"{at:0001-01-01T%H:%M:%SZ}"}]
        if condition is not None:
            rule = {"RuleType": "Price", "Symbol": condition["symbol"], "Predicate": condition["comparator"]}
            rule |= {"TriggerKey": "STT", "Price": str(condition["threshold"])}
            advanced["MarketActivationRules"] = [rule]
        return {"AdvancedOptions": advanced}

    def place(self, wish: Wish) -> list[str]:
        return self.sent("/orderexecution/orders", self.body(wish))

    def group(self, bond: str, wishes: list[Wish], parent: Wish | None) -> list[str]:
        word = {"normal": "NORMAL", "oco": "OCO", "bracket": "BRK"}[bond]
        group = {"Type": word, "Orders": [self.body(wish) for wish in wishes]}
        if parent is None:
            return self.sent("/orderexecution/ordergroups", group)
        return self.sent("/orderexecution/orders", self.body(parent) | {"OSOs": [group]})

    def sent(self, path: str, body: Any) -> list[str]:
        status, answer = self.call("POST", path, body)
        if status != 200:
            return []
        self.made += [row["OrderID"] for row in (*answer.get("Orders", []), *answer.get("Errors", []))]
        return [row["OrderID"] for row in answer.get("Orders", [])]

    def change(self, number: str, wish: Wish, whole: bool) -> list[str]:
        """In place: prices and size, or to the market."""
        body = self.body(wish)
        kept = ("Quantity", "LimitPrice", "StopPrice") if not whole else ("LimitPrice", "StopPrice", "AdvancedOptions")
        given = {name: body[name] for name in kept if name in body}
        if whole and wish.kind == "market":
            given = {"OrderType": "Market"}
        self.call("PUT", f"/orderexecution/orders/{number}", given)
        return []

    def cancel(self, number: str) -> None:
        self.call("DELETE", f"/orderexecution/orders/{number}")

    def orders(self) -> list[Seen]:
        numbers = [str(order) for order in self.program.world.exchange.accounts[self.number].orders]
        rows = []
        for at in range(0, len(numbers), 50):
            rows += self.get(f"/orders/{','.join(numbers[at : at + 50])}")["Orders"]
        return [self.seen(row) for row in rows]

    def seen(self, order: dict[str, Any]) -> Seen:
        legs = []
        for leg in order["Legs"]:
            sign = 1 if leg["BuyOrSell"].startswith("Buy") else -1
            size, done = Decimal(leg["QuantityOrdered"]), Decimal(leg["ExecQuantity"])
            price = Decimal(leg.get("ExecutionPrice", "0"))
            legs.append(SeenLeg(self.names.of(leg["Symbol"]), sign, size, done, price))
        told = {name: each for name, each in order.items() if name not in STATION_MOVES}
        told["Legs"] = [
            {name: each for name, each in leg.items() if name not in STATION_LEG_MOVES} for leg in order["Legs"]
        ]
        fee = Decimal(order["CommissionFee"])
        return Seen(order["OrderID"], TS_ENDS.get(order["Status"], ""), tuple(legs), told, fee)

    def account(self) -> Account:
        balance = self.get("/balances")["Balances"][0]
        rows = self.get("/positions")["Positions"]
        for row in rows:
            if row["AssetType"] == "STOCK":
                self.names.learn(Equity(row["Symbol"]))
        detail = balance["BalanceDetail"]
        return Account(
            cash=Decimal(balance["CashBalance"]),
            worth=Decimal(balance["Equity"]),
            owed=Decimal(detail.get("TradeEquity", "0")),
            buying_power=Decimal(detail["DayTradeExcess"]),
            requirement=Decimal(detail.get("RequiredMargin", detail.get("InitialMargin", "0"))),
            positions={self.names.of(row["Symbol"]): Decimal(row["Quantity"]) for row in rows},
            prices={},
        )


def signed(row: dict[str, Any], name: str) -> Decimal:
    """An amount with its effect beside it; 0 where there is none."""
    return Decimal(row.get(name, "0")) * (-1 if row.get(f"{name}-effect") == "Debit" else 1)


def multiplier(symbol: str) -> Decimal:
    """Dollars a point, known from the outside."""
    if symbol.startswith("/"):
        return Decimal({"MES": 5, "CL": 1000}[symbol[1:-3]])
    return Decimal(100) if " " in symbol else Decimal(1)


__all__ = ["Account", "Names", "Seen", "StationDesk", "TastyDesk", "multiplier"]
