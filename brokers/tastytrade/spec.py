"""What tastytrade says of itself: hosts (section 1), scopes, what orders it takes (section 5)."""

from brokers.domain.instruments import Equity, Future, FutureOption, Option
from brokers.domain.orders import MAX_LEGS, GroupKind
from brokers.port import BrokerSpec, Budget, Capabilities, Environment, Hosts, Term
from brokers.tastytrade.client import TastytradeBroker
from brokers.tastytrade.codec.words import ORDER_TYPES, SPREAD_TYPES, TIMES_IN_FORCE
from brokers.tastytrade.stream import TastytradeStream
from brokers.transport import USER_AGENT

LIVE = Hosts(
    api="https://api.tastyworks.com",
    authorize="https://my.tastytrade.com/auth.html",
    token="https://api.tastyworks.com/oauth/token",  # noqa: S106 (an address)
    streamer="wss://streamer.tastyworks.com",
)
SIM = Hosts(
    api="https://api.cert.tastyworks.com",
    authorize="https://cert-my.staging-tasty.works/auth.html",
    token="https://api.cert.tastyworks.com/oauth/token",  # noqa: S106 (an address)
    streamer="wss://streamer.cert.tastyworks.com",
)

# Section 3.8: the broker publishes no quota. These are the rates at which its own program holds itself back, over half
# a minute: bursts of that size were never refused.
BUDGETS = (
    Budget("orders sent", 100, 5, tuple(f"{method} /accounts/*/*orders*" for method in ("POST", "PUT", "DELETE"))),
    Budget("order lists", 60, 30, ("GET /accounts/*/orders*", "GET /accounts/*/complex-orders*")),
    Budget("balances", 30, 30, ("GET /accounts/*/balances*", "GET /accounts/*/balance-snapshots*")),
    Budget("positions", 30, 30, ("GET /accounts/*/positions",)),
    Budget("transactions", 60, 30, ("GET /accounts/*/transactions*",)),
    Budget("accounts", 30, 30, ("GET /customers/me/accounts",)),
    Budget("quotes", 60, 30, ("GET /market-data/*",)),
    Budget("option chains", 60, 30, ("GET /option-chains/*", "GET /futures-option-chains/*")),
    Budget("instruments", 90, 30, ("GET /instruments/*", "GET /symbols/*")),
    Budget("market hours and metrics", 60, 30, ("GET /market-time/*", "GET /market-metrics*")),
    Budget("watchlists", 30, 30, ("* /watchlists*", "GET /public-watchlists*")),
    Budget("everything", 50, 1, overall=True),
)

TASTYTRADE = BrokerSpec(
    name="tastytrade",
    title="tastytrade",
    hosts={Environment.LIVE: LIVE, Environment.SIM: SIM},
    scopes=("read", "trade", "openid"),
    authorize_params={},
    capabilities=Capabilities(
        order_types=frozenset(ORDER_TYPES.values()),
        times_in_force=frozenset(TIMES_IN_FORCE.values()),
        max_legs=MAX_LEGS,
        echoes_client_ref=True,
        personal_grant=True,
        classes=frozenset({Equity, Option, Future, FutureOption}),
        spread_types=frozenset(SPREAD_TYPES),
        groups=frozenset(GroupKind),
        replaces=frozenset({Term.LIMIT_PRICE, Term.STOP_PRICE, Term.ORDER_TYPE, Term.TIME_IN_FORCE}),
        has_history=True,
        has_opening_balance=True,
        has_balance_history=True,
        tells_day_gains=True,
        has_greeks=True,
        has_dry_run=True,
        fractional=True,
        has_metrics=True,
        has_watchlists=True,
        has_market_status=True,
        cancels_groups=True,
        shares_in_spreads=False,
    ),
    make_broker=TastytradeBroker,
    make_stream=TastytradeStream,
    budgets=BUDGETS,
    token_endpoint_auth="client_secret_post",  # noqa: S106 (a method's name)
    token_headers={"User-Agent": USER_AGENT, "Accept": "application/json", "Content-Type": "application/json"},
    uses_pkce=True,
    trade_scope="trade",
    scope_words={
        "read": "see accounts, positions and orders",
        "trade": "place, replace and cancel orders",
        "openid": "know who you are there",
    },
    where_grants_end="On tastytrade's own site: Manage → My Profile → API → OAuth Applications, then delete the grant.",
    at_simulator=Hosts(
        api="/tastytrade",
        authorize="/tastytrade/auth.html",
        token="/tastytrade/oauth/token",  # noqa: S106 (an address)
        streamer="/tastytrade/streamer",
    ),
)
