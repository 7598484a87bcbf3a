"""The end of a run: whether everything has come to rest, and what must hold then."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from netchat.chat import trimming
from netchat.client.stages import State

from .person import Person
from .world import Violation

if TYPE_CHECKING:
    from netchat.chat.rooms import Room
    from netchat.server import Server

    from .simulation import Simulation


def why_not_at_rest(sim: Simulation) -> str | None:
    """What is still under way; None once nothing is."""
    server = sim.server
    if server is None:
        return "the server is down"
    for person in sim.persons:
        if not person.is_at_rest:
            unanswered = list(person.machine.outbox._entries.values())
            first = unanswered[0].request if unanswered else None
            return f"{person.name} is {person.machine.state}; {first} is not answered"
    for connection in sim.net.connections:
        if not connection.client_gone and (connection.down.buffer or connection.down.arrived):
            return f"c{connection.number} has bytes on their way"
    return _why_server_is_busy(sim, server) or _why_people_are_missing(sim, server)


def _why_server_is_busy(sim: Simulation, server: Server) -> str | None:
    hub = server.hub
    if hub.posting.has_posts or hub.outgoing.dirty or hub.outgoing.hungry:
        return "posts are under way"
    for session in server.door.sessions:
        if session.closing:
            return f"{session.id} is ending"
        if session.transport.pending:
            return f"{session.id} is owed bytes"
        if session.held is not None or session.machine.pending or session.unanswered:
            return f"{session.id} is owed answers"
    for room in hub.directory._rooms.values():
        if room.lagging:
            return f"{room.name} has readers that lag"
        if room.changes.due:
            return f"{room.name} has presence to tell"
        first, head = sim.ledger.retention.span(room.name)
        if room.first != min(first, head + 1):
            return f"{room.name} is thought to begin at {room.first}, not {first}"
        if sim.ledger.is_overdue(room.name, slack=int(2_000 * trimming.INTERVAL) + 5_000):
            return f"{room.name} has what should be gone"
    return None


def _why_people_are_missing(sim: Simulation, server: Server) -> str | None:
    users = {session.user.name for session in server.door.sessions if session.user is not None}
    wanted = {p.machine.name for p in sim.persons if p.machine.state is not State.CLOSED}
    if users != wanted:
        return f"{sorted(users)} are here, not {sorted(map(str, wanted))}"
    if any(not member.present for room in _rooms(server) for member in room.members.values()):
        return "somebody is held as away"
    if any(not identity.user.sessions for identity in server.hub.people.names.values()):  # type: ignore[union-attr]
        return "a name is held"
    return None


def progress_of(sim: Simulation) -> tuple[int, int, int]:
    """Grows or falls as things are done."""
    return (
        sim.ledger.posted,
        sum(sum(person.diary.next.values()) for person in sim.persons),
        sum(len(person.machine.outbox) for person in sim.persons),
    )


def check_at_rest(sim: Simulation) -> None:
    """Everything is quiet: everybody must be complete."""
    server = sim.server
    assert server is not None
    sim._compare(server)
    for connection, witness in sim.witnesses.items():
        if connection.server_gone or witness.farewell is not None:
            continue
        if (request := witness.unanswered()) is not None:
            raise Violation("one reply a request", f"c{witness.number}: {request} got none")
        for stream in witness.streams.values():
            room = server.hub.directory.find(stream.room)
            if room is None or stream.next != room.published + 1:
                raise Violation("everything is delivered", f"c{witness.number}: {stream}")
    texts = Counter(row.text for row in sim.disk.rows())
    for person in sim.persons:
        _check_posts(person, texts)
        if person.machine.state is not State.CLOSED:
            _check_person(person, server)


def _check_posts(person: Person, texts: Counter[str]) -> None:
    """Whatever was posted is answered, however often the client died, and stored once."""
    if person.due.keys() != person.journal.kept.posts.keys():
        raise Violation("a client keeps what is not answered", f"{person.name}: {person.due}")
    if person.due and person.machine.state is not State.CLOSED:
        raise Violation("whatever is posted is answered", f"{person.name}: {person.due}")
    own = [text for text in texts if text.startswith(f"{person.name} ") and texts[text] > 1]
    if own and not person.doubtful:
        raise Violation("a post is stored once", f"{person.name}: {own}")


def _check_person(person: Person, server: Server) -> None:
    for name, seq in person.diary.next.items():
        room = server.hub.directory.find(name)
        if room is None and name.startswith("@"):
            continue  # a power cut took the talk as a whole
        if room is None or seq != room.published + 1:
            raise Violation("everything is delivered", f"{person.name} waits for {name} {seq}")
    for name in person.machine.positions:
        room = server.hub.directory.find(name)
        if room is None or person.machine.name not in {user.name for user in room.members}:
            raise Violation("resumed means back in one's rooms", f"{person.name}: {name}")
        _check_presence(person, room)


def _check_presence(person: Person, room: Room) -> None:
    names = {user.name for user in room.members}
    known = person.diary.members.get(room.name)
    if known is not None and known != names:
        detail = f"{person.name} sees {sorted(known)} in {room.name}, not {sorted(names)}"
        raise Violation("presence becomes true", detail)
    if person.diary.counts.get(room.name) != len(names):
        detail = f"{person.name} counts {person.diary.counts.get(room.name)}, not {len(names)}"
        raise Violation("presence becomes true", detail)


def _rooms(server: Server) -> list[Room]:
    return list(server.hub.directory._rooms.values())
