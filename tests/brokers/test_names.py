"""A broker is a folder and a line in the registry: nothing else of the desk knows its name, and its page is current."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from brokers import drawing
from brokers.port import Environment
from brokers.registry import BROKERS

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("config", "brokers", "portfolio", "trading", "market", "templates", "static")
KINDS = {".py", ".html", ".txt", ".js", ".css", ".svg", ".json", ".yaml", ".yml"}
MAY = {"brokers/registry.py": "the one list"}
LIKENESSES = {"tastytrade": ("tastytrade", "tastyworks", "dxlink", "dxfeed"), "tradestation": ("tradestation",)}


def files() -> Iterator[Path]:
    """What the desk is made of, but for the brokers' own folders and the simulator."""
    own = tuple(f"brokers/{name}/" for name in (*BROKERS, "simulator"))
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            relative = path.relative_to(ROOT).as_posix()
            if path.suffix in KINDS and path.is_file() and not relative.startswith(own) and relative not in MAY:
                yield path


def mentions(text: str, name: str) -> list[str]:
    words = "|".join(map(re.escape, LIKENESSES.get(name, (name,))))
    return re.findall(words, text, re.IGNORECASE)


@pytest.mark.parametrize("name", sorted(BROKERS))
def test_nobody_names_a_broker_but_its_folder_and_the_registry(name: str) -> None:
    looked = list(files())
    assert len(looked) > 100
    found = {path.relative_to(ROOT).as_posix() for path in looked if mentions(path.read_text(errors="replace"), name)}
    assert found == set()


def test_a_name_would_be_seen() -> None:
    for name in BROKERS:
        assert mentions(f'if broker == "{name}":', name)
        assert mentions((ROOT / "brokers" / "registry.py").read_text(), name)


def test_the_words_by_which_brokers_are_known_are_of_brokers_that_there_are() -> None:
    assert LIKENESSES.keys() <= BROKERS.keys()


def test_the_settings_know_every_broker_of_the_registry() -> None:
    contexts = {(name, environment.value) for name in BROKERS for environment in Environment}
    assert settings.BROKER_CLIENTS.keys() == settings.BROKER_HOSTS.keys() == settings.BROKER_BUDGETS.keys() == contexts


# --- drawn pages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(BROKERS))
def test_a_brokers_page_is_drawn_from_what_it_says_of_itself(name: str) -> None:
    written = (drawing.PAGES / f"{name}.md").read_text()
    assert drawing.page(name, written) == written, "run python -m brokers.drawing"


@pytest.mark.parametrize("name", sorted(BROKERS))
def test_a_page_that_is_not_current_is_seen_and_what_people_wrote_is_kept(name: str) -> None:
    written = (drawing.PAGES / f"{name}.md").read_text()
    stale = written.replace("| max legs |", "| fewest legs |")
    assert stale != written
    assert drawing.page(name, stale) == written
    around = drawing.page(name, f"before\n{drawing.BEGIN}\nold\n{drawing.END}\nafter\n")
    assert around.startswith(f"before\n{drawing.BEGIN}\n")
    assert around.endswith(f"{drawing.END}\nafter\n")
    with pytest.raises(ValueError, match="lacks the marks"):
        drawing.page(name, "no marks")
