"""The terminal: a client for a person, or for a pipe, line by line.

Rules of this file
    1. One loop, no threads: the keyboard is watched by the selector that watches the server.
    2. What is typed is never lost in silence: it is sent, kept until it can be, or complained
       about. Commands are never sent as text.
    3. One's own message is shown when the server has it, like everybody's, and once.
    4. A line that is no message, or is not sent yet, stays where it was typed.
    5. A pipe's end is not a person's: all of it must be accepted before we leave.
    6. What a person has typed and nobody has accepted stays in the outbox on disk, however we
       end. A pipe that ends in order hands it back, by its exit code: who runs it tries again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from netchat import exits
from netchat.chat.events import (
    Accepted,
    Error,
    Joined,
    Left,
    Members,
    Message,
    PasswordSet,
    RoomList,
)
from netchat.client.client import Client
from netchat.client.commands import Command, UsageError, help_lines, parse
from netchat.client.failures import OutboxFull
from netchat.client.harmless import harmless
from netchat.client.introduction import Introduction
from netchat.client.moderating import request_of
from netchat.client.notices import (
    CaughtUp,
    Closed,
    Delayed,
    Failed,
    NameRefused,
    News,
    Offline,
    Online,
)
from netchat.client.questions import Hide, Questions
from netchat.client.render import message_lines, status_lines
from netchat.client.roster import Roster
from netchat.client.screen import Screen
from netchat.client.source import Source
from netchat.net.timers import Timer

LEAVE_TIMEOUT = 2.0
"""Seconds that a person waits for a goodbye."""

PATIENCE = 10.0
"""Seconds without progress after which a pipe gives up."""

ENOUGH = 64
"""Unanswered requests with which no more lines are taken from a pipe: the outbox's window."""


class Terminal:
    """What stands between a person and a client. `interactive`: there is a person to ask.
    `outbox`: in which file the client's outbox is, by the name; None: keep nothing on disk."""

    def __init__(
        self,
        client: Client,
        source: Source,
        screen: Screen,
        *,
        interactive: bool,
        outbox: Callable[[str], Path] | None = None,
        hide: Hide = lambda hidden: None,
    ) -> None:
        self._client = client
        self._source = source
        self._screen = screen
        self._interactive = interactive
        self._code: int | None = None
        self._leaving: int | None = None
        self._failures = 0
        self._been_online = False
        self._new_identity = False
        self._questions = Questions(screen, hide)
        self._introduction = Introduction(client, screen, self._questions, outbox, self._came_back)
        self._rooms: list[str] = []
        self._joining: dict[str, str] = {}
        self._here: set[str] = set()
        self._roster = Roster()
        self._patience: Timer | None = None

    def run(
        self,
        name: str | None,
        room: str,
        password: str | None = None,
        *,
        ask_password: bool = False,
    ) -> int:
        """Until the person, the pipe or the server has had enough; the exit code."""
        self._join(room)
        self._introduction.begin(name, password, ask_password=ask_password)
        if not self._interactive:
            self._wait_for(PATIENCE)
        while self._code is None:
            if self._leaving is None:
                self._screen.refresh()
            self._client.reactor.run_once(0.0 if self._source.waiting and self._capacity else None)
            for line in self._source.take(self._capacity):
                self._take_line(line)
            for news in self._client.take_events():
                self._take_news(news)
            self._client.handled()
            self._go_on()
        if not self._interactive:
            self._client.abandon()
        return self._code

    def interrupt(self, code: int) -> None:
        """A signal: leave in good order; at the second one at once."""
        if self._leaving is not None:
            self._code = code
        elif self._interactive:
            self._screen.end_typing()
        self._leave(code)

    # The course of things

    def _go_on(self) -> None:
        """After every tick: read on or not, and leave once everything is done."""
        client = self._client
        if self._screen.broken:
            self._code = exits.OK
        if self._source.ended and self._leaving is None:
            if self._interactive:
                self._screen.end_typing()
            self._leave(exits.OK)
        if self._leaving is not None:
            if not (self._patient and client.unanswered):
                client.bye()
            if client.closed:
                self._end()

    @property
    def _capacity(self) -> int:
        """How many lines may be taken now. A person's are always read: one may be `exit`."""
        return ENOUGH if self._interactive else max(0, ENOUGH - self._client.unanswered)

    @property
    def _patient(self) -> bool:
        """Whether all must be answered before we leave; else it is bye at once, behind what
        has been sent."""
        return self._leaving == exits.OK and not self._interactive

    def _leave(self, code: int) -> None:
        """From here on nothing typed counts any more."""
        if self._leaving is None:
            self._leaving = code
            self._wait_for(PATIENCE if self._patient else LEAVE_TIMEOUT)

    def _wait_for(self, seconds: float) -> None:
        """Give up after so long without progress."""
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self._client.reactor.call_later(seconds, self._give_up)

    def _give_up(self, now: float) -> None:
        if not self._been_online and not self._interactive:
            self._screen.tell("The server cannot be reached.")
            self._code = exits.UNREACHABLE
        elif self._leaving is not None:
            self._end()

    def _end(self) -> None:
        if self._code is not None:
            return
        unsent = len(self._client.unsent)
        if unsent and self._interactive and self._client.kept_on_disk:
            self._screen.tell(
                f"{_messages(unsent)} not accepted yet; kept on disk, and sent when you are back"
            )
        elif unsent:
            self._screen.tell(f"{unsent} of your messages may not have been sent.")
        if self._leaving:
            self._code = self._leaving
        elif unsent:
            self._code = exits.TRY_AGAIN
        else:
            self._code = exits.FAILURE if self._failures and not self._interactive else exits.OK

    # What is typed

    def _take_line(self, line: str) -> None:
        if self._leaving is not None or self._code is not None:
            return
        if self._questions.asked and line.strip() not in ("exit", "/exit", "/quit"):
            self._questions.answer(line)
            return
        told: list[str] | None = None
        try:
            if (command := parse(line)) is not None:
                told = self._obey(command)
        except (UsageError, OutboxFull) as exc:
            told = [harmless(str(exc))]
        if told is not None:
            self._screen.keep(line)
            self._screen.tell(*told)

    def _obey(self, command: Command) -> list[str] | None:
        """What is to be told at once; None: the line comes back as a message."""
        match command:
            case ("say", [text], _):
                return self._post(text, room=self._present_room())
            case ("msg", [user, text], _):
                return self._post(text, to=user)
            case ("join", [room], _):
                self._join(room)
            case ("leave", arguments, _):
                self._leave_room(*arguments)
            case ("who", arguments, _):
                self._client.who(arguments[0] if arguments else self._present_room())
            case ("rooms", _, _):
                self._client.list_rooms()
            case ("password", _, _):
                if not self._interactive:
                    raise UsageError("Nobody can be asked for a password here.")
                self._introduction.change_password()
            case ("help", _, _):
                return help_lines()
            case ("exit", _, _):
                self._leave(exits.OK)
            case _:
                self._client.ask(request_of(command, self._present_room))
        return []

    def _post(
        self, text: str, *, room: str | None = None, to: str | None = None
    ) -> list[str] | None:
        self._client.post(text, room=room, to=to)
        if self._client.online or not self._interactive:
            return None
        return ["not connected; it is kept, and sent later"]

    def _join(self, room: str) -> None:
        self._joining[self._client.join(room)] = room
        self._forget(room)
        self._rooms.append(room)

    def _leave_room(self, room: str | None = None) -> None:
        room = room or self._present_room()
        self._client.leave(room)
        self._forget(room)

    def _forget(self, room: str) -> None:
        key = room.casefold()
        self._rooms = [other for other in self._rooms if other.casefold() != key]

    def _present_room(self) -> str:
        """Where plain text goes: the last joined of those that were not left."""
        if not self._rooms:
            raise UsageError("You are in no room; /join one.")
        return self._rooms[-1]

    def _came_back(self) -> None:
        """Say what an earlier life has left; its rooms are ours."""
        client = self._client
        if unsent := len(client.unsent):
            self._screen.tell(f"{_messages(unsent)} of last time to be sent")
        here = {room.casefold() for room in self._rooms}
        more = [room for room in client.rooms if room.casefold() not in here]
        if more:
            self._screen.tell(f"you are in {', '.join(f'#{harmless(room)}' for room in more)}, too")
        self._rooms[:0] = more

    # What arrives

    def _take_news(self, news: News) -> None:
        news = self._roster.take(news)
        several = len(self._here) > 1
        me = self._client.name or ""
        if isinstance(news, Message):
            lines = message_lines(news, me, room=several, columns=self._screen.columns)
            self._screen.show(lines)
        elif not isinstance(news, Joined) or news.ref in self._joining:
            self._screen.tell(*status_lines(news, me, room=several))
        match news:
            case Joined(ref=str(ref)):
                self._joining.pop(ref, None)
                self._here.add(news.room)
            case Error(ref=str(ref)) if ref in self._joining:
                self._forget(self._joining.pop(ref))
            case Left():
                self._here.discard(news.room)
                self._forget(news.room)
                if self._rooms:
                    self._screen.tell(f"you write to #{harmless(self._rooms[-1])} now")
            case Members(complete=False, members=[*_, last]):
                self._client.who(news.room, after=last.name)
            case RoomList(complete=False, rooms=[*_, last_room]):
                self._client.list_rooms(after=last_room.room)
            case Accepted() | Failed() if self._patient:
                self._wait_for(PATIENCE)
            case Delayed(code="rate_limited") if self._patient:
                self._wait_for(news.retry_in + PATIENCE)  # it is asked of us, and has an end
        self._failures += isinstance(news, Failed | Error)
        self._take_notice(news)

    def _take_notice(self, news: News) -> None:
        match news:
            case PasswordSet():
                self._introduction.account = True
            case Online():
                self._introduction.account = news.account
                if news.registered:
                    self._screen.tell(f"{harmless(news.name)} is yours now, by this password")
                if self._introduction.returning and not self._been_online and not news.resumed:
                    self._screen.tell("the server has forgotten who you were; you are a new user")
                self._new_identity = self._been_online and not news.resumed
                self._been_online = True
                if news.doubtful:
                    self._screen.tell(
                        f"{news.doubtful} of your messages are sent again by a new identity; "
                        "they may appear twice"
                    )
            case CaughtUp():
                name = harmless(self._client.name or "")
                again = f"connected again{f' as a new user, {name}' * self._new_identity}"
                self._screen.tell(f"{again}, nothing was missed" if news.whole else again)
            case Offline():
                what = "connection lost" if self._been_online else "cannot connect"
                reason, wait = harmless(news.reason.rstrip(".")), f"{news.retry_in:.1f} s"
                self._screen.tell(f"{what}: {reason}; trying again in {wait}")
            case NameRefused() if self._interactive:
                self._introduction.refused(news)
            case NameRefused() | Closed(code=str()):
                self._code = exits.REFUSED


def _messages(count: int) -> str:
    return f"{count} message{'s' * (count != 1)}"
