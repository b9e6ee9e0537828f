"""What TradeStation says of itself: hosts (section 1), scopes (2.2), what orders it takes (5)."""

from datetime import timedelta

from brokers.domain.instruments import Equity, Future, Option
from brokers.domain.orders import MAX_LEGS, GroupKind
from brokers.port import BrokerSpec, Budget, Capabilities, Environment, Hosts, Term
from brokers.tradestation.client import TradestationBroker
from brokers.tradestation.codec.words import DURATION_WORDS, ORDER_TYPE_WORDS, SPREAD_TYPES
from brokers.tradestation.stream import TradestationStream

AUTHORIZE = "https://signin.tradestation.com/authorize"
TOKEN = "https://signin.tradestation.com/oauth/token"  # noqa: S105 (an address)
LIVE = Hosts(api="https://api.tradestation.com/v3", authorize=AUTHORIZE, token=TOKEN)
SIM = Hosts(api="https://sim-api.tradestation.com/v3", authorize=AUTHORIZE, token=TOKEN)

# Section 3.3. For orders it publishes no quota, so we set ourselves one: two a second, twenty at once. Of account
# streams it publishes how many may be open at once (openings.py), not how often they may be opened. What has no
# category is counted together.
ACCOUNT = "/brokerage/accounts/*"
OPTIONS = "/marketdata/options"
BUDGETS = (
    Budget("order execution", 20, 10, tuple(f"{method} /orderexecution/*" for method in ("POST", "PUT", "DELETE"))),
    Budget("orders", 320, 300, (f"GET {ACCOUNT}/orders*", f"GET {ACCOUNT}/historicalorders*")),
    Budget("balances", 320, 300, (f"GET {ACCOUNT}/balances", f"GET {ACCOUNT}/bodbalances")),
    Budget("positions", 320, 300, (f"GET {ACCOUNT}/positions",)),
    Budget("accounts", 320, 300, ("GET /brokerage/accounts",)),
    Budget("quotes", 500, 300, ("GET /marketdata/quotes/*",)),
    Budget("bars", 500, 300, ("GET /marketdata/barcharts/*",)),
    Budget("option expirations", 90, 60, (f"GET {OPTIONS}/expirations/*",)),
    Budget("option strikes", 90, 60, (f"GET {OPTIONS}/strikes/*",)),
    Budget("quote streams opened", 500, 300, ("GET /marketdata/stream/quotes/*",)),
    Budget("option chain streams opened", 90, 60, ("GET /marketdata/stream/options/chains/*",)),
    Budget("account streams opened", 40, 60, ("GET /brokerage/stream/*",)),
    Budget("other", 500, 300),
)

TRADESTATION = BrokerSpec(
    name="tradestation",
    title="TradeStation",
    hosts={Environment.LIVE: LIVE, Environment.SIM: SIM},
    scopes=(
        "openid",
        "profile",
        "offline_access",
        "MarketData",
        "ReadAccount",
        "Trade",
        "OptionSpreads",
        "Matrix",
    ),
    # One audience for both worlds: the host alone tells them apart.
    authorize_params={"audience": "https://api.tradestation.com"},
    capabilities=Capabilities(
        order_types=frozenset(ORDER_TYPE_WORDS),
        times_in_force=frozenset(DURATION_WORDS),
        max_legs=MAX_LEGS,
        echoes_client_ref=False,
        personal_grant=False,
        classes=frozenset({Equity, Option, Future}),
        spread_types=frozenset(SPREAD_TYPES),
        groups=frozenset(GroupKind),
        replaces=frozenset({Term.QUANTITY, Term.LIMIT_PRICE, Term.STOP_PRICE, Term.TRAIL, Term.ORDER_TYPE}),
        has_history=False,
        has_opening_balance=True,
        has_balance_history=False,
        tells_day_gains=False,
        has_greeks=True,
        has_dry_run=False,
        fractional=False,
        has_metrics=False,
        has_watchlists=False,
        has_market_status=False,
    ),
    make_broker=TradestationBroker,
    make_stream=TradestationStream,
    budgets=BUDGETS,
    token_endpoint_auth="client_secret_post",  # noqa: S106 (a method's name)
    token_headers={"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
    uses_pkce=True,
    token_life_needed=timedelta(minutes=5),
    trade_scope="Trade",
    scope_words={
        "openid": "know who you are there",
        "profile": "know who you are there",
        "offline_access": "stay connected while you are away",
        "MarketData": "read market data",
        "ReadAccount": "see accounts, positions and orders",
        "Trade": "place, replace and cancel orders",
        "OptionSpreads": "look up and trade option spreads",
        "Matrix": "read market depth",
    },
    where_grants_end="On TradeStation's own site, among the applications that may use your account, or by its client "
    "services.",
    registering="TradeStation's client services add redirect addresses to an API key: a new one takes http://localhost "
    "alone, with the ports 80, 3000, 3001, 8080 and 31022. One key serves LIVE and SIM; set it for each that you want.",
    at_simulator=Hosts(
        api="/tradestation/v3",
        authorize="/tradestation/signin/authorize",
        token="/tradestation/signin/oauth/token",  # noqa: S106 (an address)
    ),
)
