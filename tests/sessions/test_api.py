"""The HTTP interface, held against its own description: every answer is one that it names."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest

from netchat.chat.events import Message, Presence
from netchat.chat.now import Now
from netchat.chat.requests import Post
from netchat.chat.rights import Rank
from netchat.config import Limits
from netchat.errors import Kicked
from netchat.sessions.page import load_document
from tests.sessions.browser import Browser
from tests.sessions.support import House

DOCUMENT = json.loads(load_document())


# -- the description -----------------------------------------------------------------------


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value is what a schema of the document says."""
    if "$ref" in schema:
        return fits(value, DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    kinds = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list}
    if not isinstance(value, kinds[schema["type"]]) or value != schema.get("const", value):
        return False
    if isinstance(value, list):
        return all(fits(item, schema["items"]) for item in value)
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        required = set(schema.get("required", ())) <= value.keys() <= known.keys()
        return required and all(fits(item, known[name]) for name, item in value.items())
    return not isinstance(value, int) or value >= schema.get("minimum", value)


def described(method: str, path: str) -> dict[str, Any]:
    """The operation of the document that a request is."""
    for template, operations in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path.partition("?")[0]):
            operation: dict[str, Any] = operations[method.lower()]
            return operation
    raise AssertionError(f"{path} is not described")


def check(method: str, path: str, status: int, kind: str, body: bytes) -> Any:
    """An answer is a described one; its body."""
    content = described(method, path)["responses"][str(status)]["content"]
    schema = content[kind.partition(";")[0]]["schema"]
    value = json.loads(body) if "json" in kind else body.decode()
    assert fits(value, schema), value
    return value


def test_the_description_has_every_operation() -> None:
    named = re.findall(r'"operationId": "(\w+)"', load_document().decode())
    assert sorted(named) == ["describe", "follow", "hook", "post", "read"]


# -- a program -----------------------------------------------------------------------------


class Bot(Browser):
    """A program with a token."""

    def __init__(self, house: House, name: str = "robo", hook: str = "") -> None:
        super().__init__(house)
        self.secret, self.token = house.hub.bots.add(name, hook, Now(house.reactor.now, 0))

    def begin(self, method: str, path: str, body: bytes = b"", *headers: str) -> None:
        lines = [
            f"{method} {path} HTTP/1.1", "Host: h", f"Authorization: Bearer {self.secret}",
            f"Content-Length: {len(body)}", *headers, "", "",
        ]  # fmt: skip
        self.sends("\r\n".join(lines).encode() + body)

    def ask(self, method: str, path: str, body: bytes = b"", *headers: str) -> tuple[int, Any]:
        self.begin(method, path, body, *headers)
        return self.take(method, path)

    def take(self, method: str, path: str) -> tuple[int, Any]:
        [(status, fields, answer)] = self.answers()
        self.fields = fields
        return status, check(method, path, status, fields["content-type"], answer)

    def post(self, room: str, text: str, *headers: str) -> tuple[int, Any]:
        body = json.dumps({"text": text}).encode()
        return self.ask("POST", f"/api/rooms/{quote(room, safe='')}/messages", body, *headers)

    def read(self, room: str, query: str = "") -> tuple[int, Any]:
        return self.ask("GET", f"/api/rooms/{room}/messages{query}")


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def bot(house: House) -> Bot:
    return Bot(house)


def test_a_post_reaches_the_members_and_says_its_seq(house: House, bot: Bot) -> None:
    ana = house.enter("ana", "builds")
    status, body = bot.post("builds", "grün ✓", 'Idempotency-Key: "k1"')
    assert (status, body["seq"], body["id"]) == (201, 1, "k1")
    [message] = ana.got(Message)
    assert (message.sender, message.text, message.id) == ("robo", "grün ✓", "k1")


def test_the_same_key_is_stored_once_and_another_text_refused(bot: Bot) -> None:
    assert bot.post("builds", "a", "Idempotency-Key: k")[0] == 201
    status, body = bot.post("builds", "a", "Idempotency-Key: k")
    assert (status, body["duplicate"], body["seq"]) == (200, True, 1)
    status, problem = bot.post("builds", "b", "Idempotency-Key: k")
    assert (status, problem["code"]) == (409, "id_conflict")


def test_without_a_key_every_post_is_a_new_one(bot: Bot) -> None:
    assert [bot.post("a", "same")[1]["seq"] for _ in range(3)] == [1, 2, 3]


def test_nobody_sees_a_call_come_or_go(house: House, bot: Bot) -> None:
    ana = house.enter("ana", "builds")
    house.advance(2.0)
    ana.heard()
    bot.post("builds", "x")
    bot.read("builds")
    house.advance(100.0)
    assert not ana.got(Presence)
    assert house.hub.directory.find("builds").count == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("body", "field"),
    [(b"", "text"), (b"{", "text"), (b"[]", "text"), (b'{"text": 1}', "text"), (b"{}", "text"),
     (b'{"text": ""}', "text"), (b'{"text": "\\u0000"}', "text"), (b"\xff", "text"),
     (b"[" * 9_000, "text"), (b'{"text": "\\ud800"}', "text")],
)  # fmt: skip
def test_a_body_that_is_none_is_named(house: House, bot: Bot, body: bytes, field: str) -> None:
    status, problem = bot.ask("POST", "/api/rooms/a/messages", body)
    assert (status, problem["code"], problem["field"]) == (400, "bad_request", field)
    assert house.hub.directory.find("a") is None  # nothing is left of the room


def test_a_text_that_is_too_long_is_told_so(bot: Bot) -> None:
    status, problem = bot.post("a", "x" * 4_001)
    assert (status, problem["code"]) == (413, "text_too_long")


@pytest.mark.parametrize("room", ["a b", "a,b", "x" * 65, "@talk"])
def test_a_room_that_cannot_be_is_refused(bot: Bot, room: str) -> None:
    assert bot.post(room, "x")[1]["code"] == "room_invalid"


@pytest.mark.parametrize("key", ["x" * 65, '""'])
def test_a_key_has_1_to_64_characters(bot: Bot, key: str) -> None:
    status, problem = bot.post("a", "x", f"Idempotency-Key: {key}")
    assert (status, problem["field"]) == (400, "Idempotency-Key")


def test_without_a_good_token_nothing_is_done(house: House, bot: Bot) -> None:
    hook = Bot(house, "hooked", "ops")
    for secret in ("", "wrong", hook.secret):
        bot.secret = secret
        status, problem = bot.post("a", "x")
        assert (status, problem["code"]) == (401, "bad_token")
        assert bot.fields["www-authenticate"].startswith("bearer")
    assert house.hub.directory.find("a") is None


def test_a_disabled_account_may_do_nothing(house: House, bot: Bot) -> None:
    house.hub.accounts.set_disabled(house.hub.accounts.find("robo"), True)
    assert bot.post("a", "x")[0] == 403


# -- reading -------------------------------------------------------------------------------


def test_pages_are_ascending_and_say_where_the_log_stands(bot: Bot) -> None:
    for number in range(5):
        bot.post("a", str(number))
    _, page = bot.read("a", "?after=1&limit=2")
    assert [message["seq"] for message in page["messages"]] == [2, 3]
    assert (page["first"], page["head"], page["complete"]) == (1, 5, False)
    assert [m["seq"] for m in bot.read("a", "?before=3")[1]["messages"]] == [1, 2]
    assert [m["seq"] for m in bot.read("a", "?limit=2")[1]["messages"]] == [4, 5]


@pytest.mark.parametrize("query", ["?after=-1", "?after=x", "?limit=0", "?limit=301", "?wait=61",
                                   "?wait=5", "?after=1&before=2", "?after=9999999999999999",
                                   "?after=%D9%A1", "?after="])  # fmt: skip
def test_a_number_out_of_its_range_is_named(bot: Bot, query: str) -> None:
    bot.post("a", "x")
    status, problem = bot.read("a", query)
    assert (status, problem["code"]) == (400, "bad_request")
    assert problem["field"] in query


def test_a_room_that_there_is_not_is_404(bot: Bot) -> None:
    assert bot.read("nowhere")[0] == 404


def test_a_long_poll_ends_with_the_next_message(house: House, bot: Bot) -> None:
    bot.post("a", "x")
    path = "/api/rooms/a/messages?after=1&wait=25"
    bot.begin("GET", path)
    house.advance(20.0)
    assert not bot.answers()
    Bot(house, "other").post("a", "y")
    _, page = bot.take("GET", path)
    assert [message["text"] for message in page["messages"]] == ["y"]
    assert not house.delivery.watchers


def test_a_long_poll_ends_empty_when_its_time_is_up(house: House, bot: Bot) -> None:
    bot.post("a", "x")
    path = "/api/rooms/a/messages?after=1&wait=25"
    bot.begin("GET", path)
    house.advance(25.1)
    assert bot.take("GET", path)[1]["messages"] == []
    assert not house.delivery.watchers
    assert bot.post("a", "y")[0] == 201  # the connection goes on


def test_a_stop_answers_long_polls(house: House, bot: Bot) -> None:
    bot.post("a", "x")
    path = "/api/rooms/a/messages?after=1&wait=25"
    bot.begin("GET", path)
    house.server.stop()
    house.settle()
    assert bot.take("GET", path)[0] == 200
    assert bot.fields["connection"] == "close"


# -- following -----------------------------------------------------------------------------


def events(bot: Bot) -> list[tuple[str, int | None, Any]]:
    """What has come on a stream: (type, id, data)."""
    text = bytes(bot.sock.outbox).decode()
    bot.sock.outbox.clear()
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in fields:
            id = int(fields["id"]) if "id" in fields else None
            found.append((fields.get("event", "message"), id, json.loads(fields["data"])))
    return found


def follow(bot: Bot, room: str, *headers: str) -> list[tuple[str, int | None, Any]]:
    bot.begin("GET", f"/api/rooms/{room}/events", b"", *headers)
    head, _, rest = bytes(bot.sock.outbox).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"Content-Type: text/event-stream\r\n" in head
    bot.sock.outbox[:] = rest
    return events(bot)


def test_a_stream_brings_what_is_new_and_is_seen_in_the_room(house: House, bot: Bot) -> None:
    ana = house.enter("ana", "a")
    ana.says(Post(room="a", text="before", id="1"))
    assert [kind for kind, _, _ in follow(bot, "a")] == ["joined"]
    ana.says(Post(room="a", text="eins\nzwei", id="2"))
    [(kind, id, message)] = events(bot)
    assert (kind, id, message["text"]) == ("message", 2, "eins\nzwei")
    house.advance(2.0)
    assert "robo" in [name for event in ana.got(Presence) for name in event.joined]


def test_a_stream_goes_on_behind_the_last_event_id(house: House, bot: Bot) -> None:
    for number in range(9):
        bot.post("a", str(number))
    found = follow(bot, "a", "Last-Event-ID: 4")
    assert [id for kind, id, _ in found if kind == "message"] == [5, 6, 7, 8, 9]


def test_a_place_in_another_log_is_a_gap(bot: Bot) -> None:
    bot.post("a", "x")
    found = follow(bot, "a", "Last-Event-ID: 99")
    kinds = [(kind, id) for kind, id, _ in found]
    assert kinds == [("joined", None), ("gap", 0), ("message", 1)]


def test_a_slow_stream_costs_a_constant_and_misses_nothing(house: House, bot: Bot) -> None:
    follow(bot, "a")
    bot.sock.window = 0
    ana = house.enter("ana", "a")
    for number in range(200):
        ana.says(Post(room="a", text="x" * 2_000, id=str(number)))
    [stream] = bot.token.sessions
    assert stream.transport.pending < 3 * 65_536  # type: ignore[attr-defined]
    bot.sock.window = 2**40
    house.settle()
    assert [id for kind, id, _ in events(bot) if kind == "message"] == list(range(1, 201))


def test_a_stream_is_kept_open_by_comments_and_not_given_up(house: House, bot: Bot) -> None:
    follow(bot, "a")
    house.advance(120.0)
    assert bytes(bot.sock.outbox).count(b":\n\n") >= 4
    assert bot.token.sessions


def test_two_streams_of_one_token_stand_beside_each_other(house: House, bot: Bot) -> None:
    follow(bot, "a")
    second = Browser(house)
    second.sends(
        f"GET /api/rooms/b/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {bot.secret}"
        "\r\n\r\n".encode()
    )
    assert len(bot.token.sessions) == 2


def test_a_token_may_what_its_account_may(house: House, bot: Bot) -> None:
    house.enter("ana", "den")
    moderation, room = house.hub.moderation, house.hub.directory.open("den")
    moderation.set_private(room, True)
    for status, problem in (
        bot.post("den", "x"), bot.read("den"), bot.ask("GET", "/api/rooms/den/events"),
    ):  # fmt: skip
        assert (status, problem["code"]) == (403, "forbidden")
        assert problem["detail"].startswith("This room is private")
    moderation.place(room, bot.token.identity, Rank.MEMBER)
    assert bot.post("den", "x")[0] == 201
    assert [m["text"] for m in bot.read("den")[1]["messages"]] == ["x"]


def test_a_stream_that_is_put_out_of_its_room_is_told_and_ends(house: House, bot: Bot) -> None:
    ana = house.enter("ana", "a")
    follow(bot, "a")
    user = bot.token.identity.user
    assert user is not None
    house.hub.moderation.put_out(house.hub.directory.open("a"), user, "olga", "spam")
    ana.says(Post(room="a", text="secret", id="1"))
    [(kind, _, left)] = events(bot)
    assert (kind, left["by"], left["reason"]) == ("left", "olga", "spam")
    house.advance(5.0)
    assert not bot.token.sessions


def test_a_revoked_token_ends_its_streams(house: House, bot: Bot) -> None:
    follow(bot, "a")
    house.hub.bots.revoke(bot.token.name, Now(house.reactor.now, 0))
    house.settle()
    assert [(kind, data["code"]) for kind, _, data in events(bot)] == [("problem", Kicked.code)]
    house.advance(3.0)
    assert bot.sock.closed
    assert Bot(house, "robo").post("a", "x")[0] == 201  # another token of the same


def test_a_stop_says_when_to_come_back(house: House, bot: Bot) -> None:
    follow(bot, "a")
    house.server.stop()
    house.settle()
    assert b"retry: " in bot.sock.outbox
    assert events(bot)[-1][0] == "bye"


def test_a_private_message_comes_on_the_stream_without_a_place(house: House, bot: Bot) -> None:
    follow(bot, "a")
    house.enter("ana").says(Post(to="robo", text="psst", id="1"))
    [(kind, id, message)] = events(bot)
    assert (kind, id, message["text"]) == ("private", None, "psst")


# -- webhooks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"text": "plain", "username": "x", "attachments": []}', "plain"),
        (b"payload=%7B%22text%22%3A%22a+form%22%7D", "a form"),
        (b'{"text": "<http://h/1|build 1> of <http://h>"}', "build 1 (http://h/1) of http://h"),
        (b'{"text": "1 &lt; 2 &amp;&amp; 3 &gt; 2 &amp;lt;"}', "1 < 2 && 3 > 2 &lt;"),
    ],
)
def test_a_webhook_posts_into_its_room(house: House, body: bytes, text: str) -> None:
    ana, hook = house.enter("ana", "ops"), Bot(house, "grafana", "ops")
    assert hook.ask("POST", f"/api/hooks/{hook.secret}", body) == (200, "ok")
    [message] = ana.got(Message)
    assert (message.sender, message.text) == ("grafana", text)


@pytest.mark.parametrize("body", [b"", b"{}", b"payload=x", b"text=x", b'{"text": 1}', b"\xff"])
def test_a_webhook_without_a_text_is_refused(house: House, body: bytes) -> None:
    hook = Bot(house, "grafana", "ops")
    assert hook.ask("POST", f"/api/hooks/{hook.secret}", body)[0] == 400


def test_a_token_is_no_webhook(house: House, bot: Bot) -> None:
    assert bot.ask("POST", f"/api/hooks/{bot.secret}", b'{"text":"x"}')[0] == 401


# -- the rest ------------------------------------------------------------------------------


def test_the_description_is_served(bot: Bot) -> None:
    assert bot.ask("GET", "/api/openapi.json") == (200, DOCUMENT)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/", 404), ("GET", "/api/rooms", 404), ("GET", "/api/rooms/a/b/messages", 404),
     ("PUT", "/api/rooms/a/messages", 405), ("POST", "/api/rooms/a/events", 405),
     ("GET", "/api/hooks/x", 405), ("POST", "/api/openapi.json", 405)],
)  # fmt: skip
def test_what_there_is_not_is_a_problem(bot: Bot, method: str, path: str, status: int) -> None:
    bot.begin(method, path)
    [(got, fields, body)] = bot.answers()
    assert (got, fields["content-type"]) == (status, "application/problem+json")
    assert json.loads(body)["status"] == status


def test_a_token_that_goes_too_fast_is_delayed_then_refused() -> None:
    limits = Limits(bot_rate=10, bot_burst=20, patience=3, connections_per_address=99)
    house = House(limits=limits)
    bots = [Bot(house) for _ in range(1)]
    secret = bots[0].secret
    waiting = []
    for _ in range(60):
        one = Bot(house)
        one.secret = secret
        one.begin("POST", "/api/rooms/a/messages", b'{"text":"x"}')
        waiting.append(one)
    served = sum(bool(one.sock.outbox) for one in waiting)
    assert 20 <= served <= 22
    house.advance(4.0)
    answers = [answer for one in waiting for answer in one.answers()]
    assert len(answers) == 60
    refused = [fields for status, fields, _ in answers if status == 429]
    assert refused and all(int(fields["retry-after"]) >= 1 for fields in refused)


def test_tokens_survive_a_restart_as_records(house: House, bot: Bot) -> None:
    house.settle()
    rows = [row for row in house.server.parts.store.load().records if row.kind == "token"]
    assert [row.key for row in rows] == [bot.token.digest.hex()]
    assert bot.secret not in str(rows)
