"""What TradeStation says of itself: hosts (section 1), scopes (2.2), what orders it takes (5)."""

from datetime import timedelta

from brokers.domain.orders import MAX_LEGS
from brokers.port import BrokerSpec, Capabilities, Environment, Hosts
from brokers.tradestation.client import TradestationBroker
from brokers.tradestation.codec.words import DURATION_WORDS, ORDER_TYPE_WORDS
from brokers.tradestation.stream import TradestationStream

AUTHORIZE = "https://signin.tradestation.com/authorize"
TOKEN = "https://signin.tradestation.com/oauth/token"  # noqa: S105 (an address)
LIVE = Hosts(api="https://api.tradestation.com/v3", authorize=AUTHORIZE, token=TOKEN)
SIM = Hosts(api="https://sim-api.tradestation.com/v3", authorize=AUTHORIZE, token=TOKEN)

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
    ),
    make_broker=TradestationBroker,
    make_stream=TradestationStream,
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
