"""What others send to a Slack-compatible incoming webhook, as a text of ours.

The body is JSON, or a form with JSON in its field `payload`; which of them is told by the body,
as `curl -d` calls everything a form. In its `text`, `&`, `<` and `>` are
escaped, and links stand as <address> or <address|words>. Everything beside `text` is decoration.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs

import msgspec

from netchat.errors import BadRequest


class Payload(msgspec.Struct):
    """What is read of it."""

    text: str


_decode = msgspec.json.Decoder(Payload).decode
_LINK = re.compile(r"<([^<>|\s]+)(?:\|([^<>]*))?>")


def text_of(body: bytes) -> str:
    """The text to post. Raises BadRequest."""
    try:
        if not body.lstrip().startswith(b"{"):
            fields = parse_qs(body.decode(), strict_parsing=True, max_num_fields=16)
            body = fields["payload"][0].encode()
        text = _decode(body).text
    except (ValueError, KeyError, RecursionError) as exc:  # msgspec's errors are ValueErrors
        raise BadRequest("A JSON object with a 'text' is expected.", field="text") from exc
    text = _LINK.sub(_as_words, text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _as_words(link: re.Match[str]) -> str:
    address, words = link[1], link[2]
    return f"{words} ({address})" if words else address
