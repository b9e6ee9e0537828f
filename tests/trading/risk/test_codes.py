"""The catalogue of reason codes is whole, and its page is current."""

import ast
from pathlib import Path

from trading.risk.codes import CODES, draw

ROOT = Path(__file__).parents[3]


def codes_in_code() -> set[str]:
    """The second argument of every Finding that the controls make."""
    found = set()
    for file in (ROOT / "trading" / "risk").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                code = node.args[1]
                assert isinstance(code, ast.Constant), f"{file.name}:{node.lineno}: a code is written out"
                found.add(str(code.value))
    return found


def test_every_code_is_in_the_catalogue_and_every_entry_in_use() -> None:
    assert codes_in_code() == set(CODES)


def test_the_page_is_drawn_from_the_code() -> None:
    page = (ROOT / "docs" / "reason-codes.md").read_text()
    assert page == draw(), "run: python -m trading.risk.codes > docs/reason-codes.md"
