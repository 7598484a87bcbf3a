"""Promise 7: identities, their tokens, and the names that are held for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import RawClient, until_true
from tests.e2e.support import UNLIMITED, ServerProcess

HOLD = 1.0


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that holds names for a second only."""
    arguments = (*UNLIMITED, "--set", f"limits.hold={HOLD}")
    with ServerProcess(tmp_path_factory.mktemp("brief"), *arguments) as server:
        yield server


def refusal(server: ServerProcess, name: str, token: str | None = None) -> str:
    """The code with which a hello is refused, "" where it is welcome."""
    with server.client() as client:
        request = {"type": "hello", "version": 1, "name": name, "token": token}
        reply = client.ask({key: value for key, value in request.items() if value is not None})
        if reply["type"] == "welcome":
            client.bye()
            return ""
        return str(reply["code"])


def drop(client: RawClient) -> None:
    client.close()


def test_a_name_that_is_in_use_is_taken(server: ServerProcess, ana: RawClient) -> None:
    assert refusal(server, ana.name) == "name_taken"
    assert refusal(server, ana.name.upper()) == "name_taken"


def test_bye_frees_the_name_and_nothing_else(server: ServerProcess, room: str) -> None:
    first = server.client("Quentin")
    first.join(room)
    first.post(room, "once", "q-1")
    first.bye()
    with server.client("Quentin") as stranger:
        stranger.join(room, backlog=0)
        assert "duplicate" not in stranger.post(room, "other", "q-1")
        assert refusal(server, "Quentin", first.token) == "name_taken"
        stranger.bye()
    with server.client() as again:
        again.hello("Quentin", token=first.token)
        again.join(room, backlog=0)
        assert again.post(room, "once", "q-1").items() >= {"seq": 1, "duplicate": True}.items()
        again.bye()


def test_a_dropped_connections_name_is_held(server: ServerProcess) -> None:
    client = server.client("Held")
    drop(client)
    assert refusal(server, "Held") == "name_taken"
    with server.client() as again:
        assert again.hello("Held", token=client.token)["name"] == "Held"
        again.bye()
    assert refusal(server, "Held") == ""


def test_a_hold_ends(brief: ServerProcess) -> None:
    client = brief.client("Brief")
    drop(client)
    assert refusal(brief, "Brief") == "name_taken"
    until_true(lambda: refusal(brief, "Brief") == "")


def test_coming_back_ends_the_hold_for_good(brief: ServerProcess) -> None:
    client = brief.client("Returning", noise=())
    drop(client)
    with brief.client(noise=()) as again, brief.client("Observer", noise=()) as observer:
        again.hello("Returning", token=client.token)
        observer.join("anywhere")
        drop(brief.client("Passing"))
        until_true(lambda: refusal(brief, "Passing") == "")
        assert refusal(brief, "Returning") == "name_taken"
        observer.bye()
        again.bye()


def test_a_token_replaces_a_connection_that_is_alive(server: ServerProcess, room: str) -> None:
    with server.client("Twice") as old, server.client() as new:
        old.join(room)
        new.hello("Twice", token=old.token)
        error = old.recv()
        assert (error["code"], error["fatal"]) == ("replaced", True)
        assert old.is_ended()
        assert new.join(room)["members"] == ["Twice"]
        new.bye()


def test_a_replaced_connections_posts_count(server: ServerProcess, room: str) -> None:
    with server.client("Busy") as old, server.client() as new:
        old.join(room)
        posts = [{"type": "post", "room": room, "text": f"{n}", "id": f"b-{n}"} for n in range(100)]
        old.send(*posts, {"type": "ping"})
        old.until("pong")
        new.hello("Busy", token=old.token)
        assert new.join(room, after=0)["head"] == 100
        new.send(*posts)
        accepted = new.collect("accepted", 100)
        assert [event["seq"] for event in accepted] == list(range(1, 101))
        assert all(event["duplicate"] for event in accepted)
        new.bye()


def test_a_token_is_one_identitys(server: ServerProcess) -> None:
    with server.client("Owner") as owner, server.client("Other") as other:
        assert refusal(server, "Owner", "nonsense") == "bad_token"
        assert refusal(server, "Other", owner.token) == "bad_token"
        assert refusal(server, "Nobody-Yet", owner.token) == "bad_token"
        owner.bye()
        other.bye()
    assert refusal(server, "Nobody-Yet", owner.token) == "bad_token"


def test_a_name_that_has_gone_to_another_can_be_changed_for_a_free_one(
    brief: ServerProcess, room: str
) -> None:
    first = brief.client("Nomad")
    first.join(room)
    first.post(room, "mine", "n-1")
    first.bye()
    with brief.client("Nomad") as thief, brief.client("Settler") as settler, brief.client() as back:
        request = {"type": "hello", "version": 1, "token": first.token}
        assert back.ask(request | {"name": "Nomad"})["code"] == "name_taken"
        assert back.ask(request | {"name": "Settler"})["code"] == "name_taken"
        assert back.ask(request | {"name": "Wanderer"})["name"] == "Wanderer"
        back.join(room, backlog=0)
        assert back.post(room, "mine", "n-1")["duplicate"] is True
        thief.bye()
        settler.bye()
        back.bye()
    assert refusal(brief, "Wanderer", first.token) == ""
    assert refusal(brief, "Nomad", first.token) == "bad_token"


def test_an_old_token_works_until_the_new_one_has_been_used(server: ServerProcess) -> None:
    tokens = [server.client("Keeper").token]
    for _ in range(3):
        with server.client() as client:
            tokens.append(client.hello("Keeper", token=tokens[-1])["token"])
    with server.client() as client:
        client.hello("Keeper", token=tokens[-1])
        client.bye()


@pytest.mark.parametrize("crash", [False, True], ids=["stop", "kill -9"])
def test_tokens_and_names_outlive_the_server(tmp_path: Path, crash: bool) -> None:
    arguments = (*UNLIMITED, "--set", "limits.hold=1.5")
    with ServerProcess(tmp_path, *arguments) as server:
        here, gone = server.client("Here"), server.client("Gone")
        for client in (here, gone):
            client.join("lobby", backlog=0)
            client.post("lobby", "hello", client.name)
        gone.bye()
        until_saved(here)
        if crash:
            server.kill()
            server.start()
        else:
            here.close()
            server.restart()
        assert refusal(server, "Here") == "name_taken"
        assert refusal(server, "Gone") == ""
        with server.client() as client:
            client.hello("Here", token=here.token)
            client.join("lobby", backlog=0)
            assert client.post("lobby", "hello", "Here")["duplicate"] is True
        until_true(lambda: refusal(server, "Here") == "")
        assert refusal(server, "Gone", gone.token) == ""


def until_saved(client: RawClient) -> None:
    """What was written behind before is on disk with the next post, or the one after it."""
    client.post("lobby", "save", "save-1")
    client.post("lobby", "save", "save-2")
