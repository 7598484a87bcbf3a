"""The query of an address: named values, each checked against its range, none ignored silently."""

from __future__ import annotations

from urllib.parse import parse_qsl

from netchat.errors import BadRequest

MAX_FIELDS = 16
"""Four are known."""


class Query:
    """What stands behind the question mark. All raise BadRequest, naming the field."""

    __slots__ = ("_fields",)

    def __init__(self, query: str) -> None:
        try:
            pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError:
            raise BadRequest("There are too many fields in the query.") from None
        self._fields = dict(pairs)

    def default(self, name: str, value: str | None) -> None:
        """What a field is where the query does not say it."""
        if value is not None:
            self._fields.setdefault(name, value)

    def text(self, name: str) -> str | None:
        """A field as it is; None where it is missing."""
        return self._fields.get(name)

    def integer(self, name: str, least: int, most: int) -> int | None:
        """A whole number within a range; None where it is missing."""
        text = self._fields.get(name)
        if text is None:
            return None
        if text.isascii() and text.isdigit() and len(text) <= 16 and least <= int(text) <= most:
            return int(text)
        raise BadRequest(f"'{name}' must be an integer from {least} to {most}.", field=name)
