"""What tastytrade says of itself: hosts (section 1), scopes, what orders it takes (section 5)."""

from brokers.domain.orders import MAX_LEGS
from brokers.port import BrokerSpec, Capabilities, Environment, Hosts
from brokers.tastytrade.client import TastytradeBroker
from brokers.tastytrade.codec.words import ORDER_TYPES, TIMES_IN_FORCE
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
    ),
    make_broker=TastytradeBroker,
    make_stream=TastytradeStream,
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
