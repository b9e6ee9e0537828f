"""Request bodies read strictly: what is not plain JSON is refused in words, whatever it is."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

LARGEST = 64 * 1024


class StrictJSONParser(JSONParser):
    """JSON of a sane size and depth, in UTF-8, without lone surrogates, NaN and names given twice."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise ParseError("The request is too large: an order fits in 64 kB.")
        try:
            text = body.decode("utf-8")
            value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except RecursionError:
            raise ParseError("The request could not be read: it is nested too deeply.") from None
        except ValueError as error:
            raise ParseError(f"The request could not be read as JSON: {_words(error)}") from None
        return value


def _words(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}."
    if isinstance(error, UnicodeError):
        return "it is not clean UTF-8 text."
    return f"{error}."


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a name is given twice")
    return value
