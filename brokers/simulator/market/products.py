"""The futures products of the made-up exchanges: their contracts' terms as at the real ones, and how they behave."""

from decimal import Decimal

from brokers.domain.instruments import Index
from brokers.domain.market import PriceIncrements
from brokers.simulator.market.contracts import Kind, OptionProduct, Product

QUARTERS, EVEN, ALL = "HMUZ", "GJMQVZ", "FGHJKMNQUVXZ"


def grid(*steps: str) -> PriceIncrements:
    """``grid("0.05", "10", "0.25")``: 0.05 below 10, else 0.25."""
    numbers = [Decimal(step) for step in steps]
    return PriceIncrements((*((numbers[n + 1], numbers[n]) for n in range(0, len(steps) - 1, 2)), (None, numbers[-1])))


INDEX_OPTIONS, CENT, DIME = grid("0.05", "10", "0.25"), grid("0.01"), grid("0.1")
SIXTY_FOURTH, EURO = grid("0.015625"), grid("0.00005")
DAYS = {"A": "Monday", "B": "Tuesday", "C": "Wednesday", "D": "Thursday"}


def _index_series(
    code: str, end: str, weekly: str, daily: str, steps: tuple[float, float, float]
) -> tuple[OptionProduct, ...]:
    def series(name: str, kind: Kind, rule: str, months: str, listed: int, words: str) -> OptionProduct:
        return OptionProduct(name, code, kind, rule, months, listed, INDEX_OPTIONS, steps, words)

    weeks = [series(f"{weekly}{n}", "weekly", f"friday{n}", ALL, 2, f"Weekly {n} Friday") for n in (1, 2, 3, 4)]
    days = [
        series(f"{daily}{n}{letter}", "weekly", f"{DAYS[letter].lower()}{n}", ALL, 0, f"Weekly {n} {DAYS[letter]}")
        for n in range(1, 6)
        for letter in DAYS
        if daily
    ]
    return (
        series(code, "quarterly", "with_future", QUARTERS, 4, "Quarterly"),
        series(end, "end_of_month", "month_end", ALL, 4, "End of month"),
        *weeks,
        *days,
    )


ES_OPTIONS = _index_series("ES", "EW", "EW", "E", (5, 25, 100))
NQ_OPTIONS = _index_series("NQ", "QNE", "QN", "", (50, 100, 500))


def _monthly(
    code: str, product: str, rule: str, ticks: PriceIncrements, steps: tuple[float, float, float]
) -> OptionProduct:
    return OptionProduct(code, product, "regular", rule, ALL, 6, ticks, steps, "Monthly")


CL_OPTIONS = (
    _monthly("LO", "CL", "before_future", CENT, (0.5, 1, 5)),
    *(
        OptionProduct(f"LO{n}", "CL", "weekly", f"friday{n}", ALL, 0, CENT, (0.5, 1, 5), f"Weekly {n} Friday")
        for n in range(1, 6)
    ),
)
GC_OPTIONS = (_monthly("OG", "GC", "metal", DIME, (5, 25, 100)),)
ZB_OPTIONS = (_monthly("OZB", "ZB", "treasury", SIXTY_FOURTH, (0.5, 1, 5)),)
ZN_OPTIONS = (_monthly("OZN", "ZN", "treasury", SIXTY_FOURTH, (0.25, 0.5, 1)),)
EURO_OPTIONS = (_monthly("EUU", "6E", "currency", EURO, (0.005, 0.01, 0.05)),)
WINTER = (1.13, 1.09, 1.03, 0.95, 0.94, 0.95, 0.97, 0.98, 0.97, 0.98, 1.03, 1.10)
SPX, NDX, RUT = Index("SPX"), Index("NDX"), Index("RUT")


def _product(
    code: str,
    description: str,
    exchange: str,
    sector: str,
    tick: str,
    multiplier: str,
    margins: tuple[int, int],
    months: str,
    listed: int,
    rule: str,
    start: float,
    volatility: float,
    volume: int,
    **more: object,
) -> Product:
    initial, maintenance = margins
    terms = {"cash_settled": False, "first_notice": False, "spread": 1, "display_factor": Decimal("0.01")}
    options: tuple[OptionProduct, ...] = more.get("options", ())  # type: ignore[assignment]
    return Product(
        code=code,
        description=description,
        exchange=exchange,
        market_sector=sector,
        tick=grid(tick),
        option_increments=options[0].increments if options else None,
        multiplier=Decimal(multiplier),
        initial_margin=Decimal(initial),
        maintenance_margin=Decimal(maintenance),
        months=months,
        listed=listed,
        rule=rule,
        start=start,
        volatility=volatility,
        daily_volume=volume,
        **{**terms, **more},  # type: ignore[arg-type]
    )


EQUITY, ENERGY, METALS, RATES, MONEY = "Equity Index", "Energy", "Metals", "Interest Rate", "Currency"
TABLE = (
    _product("ES", "E-mini S&P 500", "XCME", EQUITY, "0.25", "50", (23100, 21000), QUARTERS, 5, "index", 6000.0, 0.15,
             1_400_000, cash_settled=True, follows=SPX, options=ES_OPTIONS),
    _product("NQ", "E-mini Nasdaq-100", "XCME", EQUITY, "0.25", "20", (33000, 30000), QUARTERS, 5, "index", 21000.0,
             0.2, 560_000, cash_settled=True, follows=NDX, options=NQ_OPTIONS, spread=2),
    _product("RTY", "E-mini Russell 2000", "XCME", EQUITY, "0.1", "50", (9680, 8800), QUARTERS, 4, "index", 2300.0,
             0.22, 190_000, cash_settled=True, follows=RUT, spread=2),
    _product("MES", "Micro E-mini S&P 500", "XCME", EQUITY, "0.25", "5", (2310, 2100), QUARTERS, 5, "index", 6000.0,
             0.15, 1_100_000, cash_settled=True, follows=SPX, group="ES"),
    _product("MNQ", "Micro E-mini Nasdaq-100", "XCME", EQUITY, "0.25", "2", (3300, 3000), QUARTERS, 5, "index",
             21000.0, 0.2, 1_200_000, cash_settled=True, follows=NDX, group="NQ", spread=2),
    _product("CL", "Light Sweet Crude Oil", "XNYM", ENERGY, "0.01", "1000", (5830, 5300), ALL, 15, "crude", 71.0, 0.32,
             320_000, first_notice=True, carry=-0.03, fade=0.25, options=CL_OPTIONS),
    _product("NG", "Henry Hub Natural Gas", "XNYM", ENERGY, "0.001", "10000", (3960, 3600), ALL, 15, "gas", 3.1, 0.55,
             150_000, first_notice=True, carry=0.02, fade=0.6, season=WINTER, display_factor=Decimal("0.001"),
             spread=2),
    _product("GC", "Gold", "XCEC", METALS, "0.1", "100", (16500, 15000), EVEN, 8, "metal", 3090.0, 0.17, 180_000,
             first_notice=True, carry=0.04, options=GC_OPTIONS, spread=2),
    _product("SI", "Silver", "XCEC", METALS, "0.005", "5000", (17600, 16000), "HKNUZ", 6, "metal", 34.0, 0.3, 60_000,
             first_notice=True, carry=0.04, spread=2),
    _product("ZB", "U.S. Treasury Bond", "XCBT", RATES, "0.03125", "1000", (4180, 3800), QUARTERS, 3, "treasury", 116.0,
             0.12, 420_000, first_notice=True, carry=-0.005, options=ZB_OPTIONS),
    _product("ZN", "10-Year U.S. Treasury Note", "XCBT", RATES, "0.015625", "1000", (2090, 1900), QUARTERS, 3,
             "treasury", 110.5, 0.065, 1_700_000, first_notice=True, carry=-0.003, options=ZN_OPTIONS),
    _product("6E", "Euro FX", "XCME", MONEY, "0.00005", "125000", (2640, 2400), QUARTERS, 5, "currency", 1.085, 0.075,
             200_000, carry=0.015, options=EURO_OPTIONS, display_factor=Decimal("0.0001")),
)  # fmt: skip
PRODUCTS: dict[str, Product] = {product.code: product for product in TABLE}
