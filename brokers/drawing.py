"""What each broker says of itself, drawn into docs/brokers/: ``python -m brokers.drawing`` renews the tables.

Between the two marks of a page stands what is drawn, around them what people wrote.
"""

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from brokers.port import BrokerSpec, Environment, Hosts
from brokers.registry import BROKERS

PAGES = Path(__file__).resolve().parent.parent / "docs" / "brokers"
BEGIN = "<!-- drawn by `python -m brokers.drawing`, from here -->"
END = "<!-- to here -->"


def page(name: str, written: str) -> str:
    """A page with its tables as they should be; ``ValueError`` when it has no marks."""
    before, begin, rest = written.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/brokers/{name}.md lacks the marks between which its tables are drawn.")
    return f"{before}{BEGIN}\n\n{draw(BROKERS[name])}\n{END}{after}"


def draw(spec: BrokerSpec) -> str:
    """All the tables of a broker."""
    return "\n".join([*_addresses(spec), "", *_permissions(spec), "", *_abilities(spec), *_budgets(spec), ""])


def _addresses(spec: BrokerSpec) -> Iterator[str]:
    worlds = [world for world in (Environment.LIVE, Environment.SIM) if world in spec.hosts]
    yield _row("", *(world.name for world in worlds))
    yield _row(*["---"] * (1 + len(worlds)))
    for part in fields(Hosts):
        found = [getattr(spec.hosts[world], part.name) for world in worlds]
        if any(found):
            yield _row(_words(part.name), *(f"`{address}`" if address else "" for address in found))
    prefixes = [spec.name.upper() + ("_SIM" if world is Environment.SIM else "") for world in worlds]
    yield _row("settings", *(f"`{prefix}_CLIENT_ID`, `{prefix}_CLIENT_SECRET`" for prefix in prefixes))
    yield _row("to register", *(f"`BASE_URL/connect/{spec.name}/{world}/callback`" for world in worlds))


def _permissions(spec: BrokerSpec) -> Iterator[str]:
    yield _row("permission asked for", "so that the desk can")
    yield _row("---", "---")
    for scope in spec.scopes:
        needed = " (without it there are no orders)" if scope == spec.trade_scope else ""
        yield _row(f"`{scope}`", spec.scope_words.get(scope, "") + needed)


def _abilities(spec: BrokerSpec) -> Iterator[str]:
    yield _row("what it takes", "")
    yield _row("---", "---")
    for part in fields(spec.capabilities):
        yield _row(_words(part.name), _value(getattr(spec.capabilities, part.name)))
    yield _row("token life needed", _value(spec.token_life_needed))
    yield _row("uses pkce", _value(spec.uses_pkce))


def _budgets(spec: BrokerSpec) -> Iterator[str]:
    """How often it may be asked, where that is known."""
    budgets = tuple(each for each in spec.budgets if is_dataclass(each))
    if not budgets:
        return
    names = [part.name for part in fields(budgets[0])]
    yield ""
    yield _row(*(_words(name) for name in names))
    yield _row(*["---"] * len(names))
    for each in budgets:
        yield _row(*(_value(getattr(each, name)) for name in names))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case timedelta():
            return f"{value.total_seconds():g} s"
        case Enum():
            return f"`{value.value}`"
        case type():
            return f"`{value.__name__}`"
        case frozenset() | tuple() | list() | set():
            return ", ".join(_in_order(value)) or "none"
        case _:
            return str(value)


def _in_order(values: Iterable[Any]) -> list[str]:
    """Words of an enumeration as it has them, all else by the alphabet."""
    listed = list(values)
    kinds = {type(each) for each in listed}
    if len(kinds) == 1 and issubclass(kind := kinds.pop(), Enum):
        listed = [each for each in kind if each in listed]
        return [_value(each) for each in listed]
    return sorted(_value(each) for each in listed)


def renew() -> None:
    for name in BROKERS:
        path = PAGES / f"{name}.md"
        path.write_text(page(name, path.read_text()))


if __name__ == "__main__":
    renew()
