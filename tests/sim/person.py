"""A person: the real client core on a simulated connection, with somebody at the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from netchat.chat import events, requests
from netchat.client.failures import OutboxFull
from netchat.client.journal import Kept, Record
from netchat.client.machine import Machine
from netchat.client.notices import CaughtUp, Closed, Failed, NameRefused, Offline, Online
from netchat.client.stages import ATTACHED, State

from .connection import Link
from .diary import Diary
from .net import Net
from .plan import Plan
from .world import World

CONNECT_TIMEOUT = 10_000
IMPATIENCE = 4_000
"""Milliseconds after which a person on a dead line takes another network."""


class Notes:
    """A journal that outlives the person's clients."""

    def __init__(self) -> None:
        self.kept = Kept()

    def write(self, *records: Record) -> None:
        for record in records:
            self.kept.take(record)


class Person:
    """Does things at drawn times until told to be `quiet`; then merely stays connected."""

    def __init__(self, world: World, net: Net, plan: Plan, name: str, names: list[str]) -> None:
        self.name = name
        self.quiet = False
        self.calm = False
        """Its connections have no faults any more."""
        self.posted = 0
        self.due: dict[str, str] = {}
        """The texts that were posted, by id, until they are answered."""
        self.doubtful = 0
        """Texts that may have been stored under two identities."""
        self.diary = Diary(name)
        self.journal = Notes()
        self.machine = Machine(world.random(f"machine/{name}"), world.monotonic())
        self.machine.keep(self.journal)
        self.link: Link | None = None
        self._world = world
        self._net = net
        self._plan = plan
        self._names = names
        self._random: Random = world.random(f"person/{name}")
        self._wake_at: float | None = None
        self._tries = self._deaths = 0
        self._asked_for: set[str] = set()
        self._visit = 0
        """Counts connections, so that what comes late is not taken for the present one's."""
        # A stream of its own: whoever is a guest in a seed does what he did before.
        share = 0.5 if world.seed % 7 == 3 else 0.0
        registers = world.random(f"account/{name}").random() < share
        self._password = "correct horse" if registers else None
        self.machine.login(name, self._password)
        world.after(self._random.randint(0, 500), self._settle)
        self._later(self._act)

    # -- the keyboard ----------------------------------------------------------------------------

    def _later(self, call: Callable[[], None]) -> None:
        self._world.after(1 + int(self._random.expovariate(1 / self._plan.action)), call)

    def _act(self) -> None:
        if self.quiet:
            return
        try:
            self._do_something()
        except OutboxFull:
            self._world.sometimes["outbox full"] += 1
        self._settle()
        self._later(self._act)

    def _do_something(self) -> None:
        draw, ask = self._random, self.machine.ask
        room = f"room{draw.randrange(self._plan.rooms)}"
        rooms = list(self.machine.positions)
        what = draw.choices(
            ["post", "join", "leave", "history", "who", "rooms", "typing", "private", "bye"],
            [60, 12 if rooms else 60, 4, 5, 3, 2, 4, 8 * self._plan.private, 1],
        )[0]
        if what == "post":
            for _ in range(draw.choice([1, 1, 1, 2, 8])):
                self._post(room=draw.choice(rooms or [room]))
        elif what == "private":
            self._post(to=draw.choice(self._names))
        elif what == "join":
            self._join(room)
        elif what == "leave":
            ask(requests.Leave(room=room))
        elif what == "history":
            self._ask_history(draw.choice(rooms or [room]))
        elif what == "who":
            ask(requests.Who(room=room))
        elif what == "rooms":
            ask(requests.Rooms(talks=draw.random() < 0.5))
        elif what == "typing":
            self.machine.typing(requests.Typing(room=room))
        elif self.machine.state is State.ONLINE:
            self.machine.bye()

    def _join(self, room: str) -> None:
        after = self._random.choice([None, None, 0, 1, 10, 1_000])
        # What an earlier life wanted to post there, its machine joins the room for by itself.
        inherited = {post.room for post in self.journal.kept.posts.values()}
        known = self._asked_for | inherited | {*self.machine.positions}
        if after is None or room in known:  # one does not tell one's machine lies
            backlog = self._random.choice([0, 1, 5, 50, 300])
            self.machine.ask(requests.Join(room=room, backlog=backlog))
        else:
            self.machine.ask(requests.Join(room=room, after=after))
        self._asked_for.add(room)

    def _ask_history(self, room: str) -> None:
        seq = self._random.choice([None, 0, 1, 5, 50])
        side = self._random.choice(["before", "after"])
        limit = self._random.choice([1, 3, 100])
        if side == "before":
            self.machine.ask(requests.History(room=room, before=seq, limit=limit))
        else:
            self.machine.ask(requests.History(room=room, after=seq, limit=limit))

    def _post(self, *, room: str | None = None, to: str | None = None) -> None:
        text = self._text()
        self.due[self.machine.ask(requests.Post(text=text, id="-", room=room, to=to))] = text

    def _text(self) -> str:
        self.posted += 1
        length = self._random.choice([0, 0, 0, 0, 0, 50, 50, 50, 400, 2_000])
        return f"{self.name} {self.posted} " + "ä" * length

    # -- faults of its own -------------------------------------------------------------------

    def vanish(self) -> None:
        """Its line goes dead; after a while it tries another."""
        if self.link is None or not self.link.alive:
            return
        self.link.connection.line.dead = True
        visit = self._visit
        if self._random.random() < 0.7:
            self._world.after(self._random.randint(0, IMPATIENCE), lambda: self._give_up(visit))

    def _give_up(self, visit: int) -> None:
        if visit == self._visit and self.link is not None:
            self._drop("another network")

    def die(self) -> None:
        """Its process is killed; after a while it is started again, on the same journal."""
        self._world.trace(f"{self.name} is killed")
        self._world.sometimes["client killed"] += 1
        self._world.sometimes["client killed with posts under way"] += bool(self.journal.kept.posts)
        self._deaths += 1
        self._visit += 1
        self._hang_up()
        random = self._world.random(f"machine/{self.name}/{self._deaths}")
        self.machine = Machine(random, self._world.monotonic())
        self.machine.keep(self.journal)
        self.machine.login(self.machine.name or f"{self.name}{self._tries or ''}", self._password)
        self._world.after(self._random.randint(0, IMPATIENCE), self._settle)

    def go_slow(self) -> None:
        """Read little, or nothing, for a while."""
        if self.link is not None:
            link = self.link
            link.pace = self._random.choice([(0, 0), (50, 200), (700, 300)])
            self._world.after(self._random.randint(500, 8_000), lambda: self._read_on(link))

    def _read_on(self, link: Link) -> None:
        link.pace = None
        link.read_again()

    def heal(self) -> None:
        """The faults are over."""
        self.quiet = self.calm = True
        if self.link is not None:
            self._read_on(self.link)

    @property
    def is_at_rest(self) -> bool:
        """Nothing of its own is under way."""
        return self.machine.state is State.CLOSED or (
            self.machine.state is State.ONLINE and not len(self.machine.outbox)
        )

    # -- what the connection does ----------------------------------------------------------------

    def connected(self) -> None:
        self.machine.connected(self._world.monotonic())
        self._settle()

    def received(self, data: bytes) -> None:
        self._world.trace(f"{self.name} reads", data)
        self.machine.receive(data, self._world.monotonic())
        self._settle()

    def ended(self) -> None:
        self._drop("the server closed the connection")

    def broken(self, why: str) -> None:
        self._drop(why)

    def _drop(self, why: str) -> None:
        self._hang_up()
        self.machine.lost(why, self._world.monotonic())
        self._settle()

    # -- doing what the machine's state asks for -------------------------------------------------

    def _settle(self) -> None:
        machine = self.machine
        data = machine.take_data()
        if data and self.link is not None:
            self.link.write(data)
        for event in machine.take_events():
            self._take(event)
        self.machine.handled()
        self.diary.keep(list(machine.positions))
        if machine.state in (State.OFFLINE, State.CLOSED):
            self._hang_up()
        elif machine.state is State.CONNECTING and self.link is None:
            self._connect()
        if machine.state is State.GREETING and (data := machine.take_data()) and self.link:
            self.link.write(data)
        self._set_alarm()

    def _take(self, event: object) -> None:
        match event:
            case Online():
                self.doubtful += event.doubtful
                if not event.resumed:
                    self.diary.forget_talks()
                self._world.sometimes["resumed" if event.resumed else "logged in"] += 1
                self._world.sometimes["registered"] += event.registered
            case NameRefused():
                self._tries += 1
                self._world.sometimes["name refused"] += 1
                self.machine.login(f"{self.name}{self._tries}", self._password)
            case events.Event():
                if isinstance(event, events.Accepted):
                    self.due.pop(event.id, None)
                self.diary.write(event)
            case CaughtUp() | Closed() | Failed() | Offline():
                if isinstance(event, Failed):
                    self.due.pop(event.post.id, None)
                self._world.trace(f"{self.name}: {event}")

    def _connect(self) -> None:
        self._visit += 1
        visit = self._visit
        line = self._plan.calm_line() if self.calm else self._plan.line(self._random)
        self.link = self._net.connect(line, self, f"home of {self.name}")
        self._world.after(CONNECT_TIMEOUT, lambda: self._connect_is_late(visit))

    def _connect_is_late(self, visit: int) -> None:
        if visit == self._visit and self.machine.state is State.CONNECTING:
            self._drop("No answer in time.")

    def _hang_up(self) -> None:
        link, self.link = self.link, None
        if link is not None:
            link.close()

    def _set_alarm(self) -> None:
        when = self.machine.deadline
        if when is None or (self._wake_at is not None and self._wake_at <= when):
            return
        self._wake_at = when
        self._world.at(int(when * 1000) + 1, self._alarm)

    def _alarm(self) -> None:
        self._wake_at = None
        if self.machine.state in ATTACHED or self.machine.state is State.OFFLINE:
            self.machine.tick(self._world.monotonic())
        self._settle()
