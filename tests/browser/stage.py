"""A conversation to look at: people, rooms, days, a private word, and somebody who writes."""

from __future__ import annotations

from contextlib import ExitStack

from tests.browser.support import Page, WebServer
from tests.e2e.client import RawClient

TOPICS = ("--set", "topics.harbour=Releases and what keeps them afloat")
ROOMS = ("harbour", "kitchen", "lobby", "reading")

TALK = [
    ("bea", "Morning! The release is tagged. Notes are at https://example.org/notes/2.4"),
    ("bea", "I left the migration for last, as it locks the table for a second or two."),
    ("carlos", "Read them on the train. One question about the migration: does it run before\n"
               "or after the old workers are gone?"),
    ("ana", "After. The order is in the notes:\n  1. drain\n  2. migrate\n  3. start"),
    ("carlos", "Perfect, then nobody waits."),
    ("dariusz", "مرحبا، هل نحتاج إلى نافذة صيانة؟"),
    ("ana", "No window needed. The clients come back by themselves, and nothing is missed"),
    ("bea", "ana, do you want to press the button?"),
]  # fmt: skip
AFTER = [
    ("carlos", "The old server is gone and the new one answers. My page said \"reconnecting\" for"
               " one second."),
    ("bea", "Same here, and my half-typed message was still there."),
]  # fmt: skip


def person(stack: ExitStack, server: WebServer, name: str) -> RawClient:
    client = stack.enter_context(server.client(name))
    for room in ROOMS:
        client.send({"type": "join", "room": room, "backlog": 0})
        client.until("joined")
    return client


def say(client: RawClient, text: str, **where: str) -> None:
    client.send({"type": "post", "text": text, "id": f"{client.name}: {text}"[:64], **where})
    client.until("accepted")


def play(stack: ExitStack, server: WebServer, page: Page) -> None:
    """Fill the page, which is nobody's yet."""
    people = {name: person(stack, server, name) for name in ("bea", "carlos", "dariusz", "edith")}
    page.enter("ana")
    for room in ROOMS[1:]:
        page.say(f"/join {room}")
        page.until(lambda room=room: page.text_of("#title") == f"#{room}")
    page.go("harbour")
    for name, text in TALK:
        if name == "ana":
            page.run("document.querySelector('#text').value = arguments[0]", text)
            page.run("document.querySelector('#send').disabled = false")
            page.at("#send").click()
        else:
            say(people[name], text, room="harbour")
        page.sees(text)
    page.go("lobby")
    for name, text in AFTER:
        say(people[name], text, room="harbour")
    say(people["edith"], "Soup at one?", room="kitchen")
    say(people["dariusz"], "Yes please", room="kitchen")
    say(people["edith"], "Can you look at my draft later?", to="ana")
    people["dariusz"].close()
    page.until(lambda: page.places().get("edith") == "1" and page.places()["kitchen"] == "2")
    page.go("harbour")
    page.sees(AFTER[-1][1])
    page.until(lambda: "away" in " ".join(page.texts_of("#people-list .hint")))
    people["bea"].send({"type": "typing", "room": "harbour"})
    page.until(lambda: page.text_of("#typing") != "")
