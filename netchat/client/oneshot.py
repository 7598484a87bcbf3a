"""`netchat send` and `netchat tail`: one thing done, for scripts."""

from __future__ import annotations

import argparse
import getpass
import random
import sys
import time
from collections.abc import Callable

from netchat import exits
from netchat.chat.events import Accepted, Error, Gap, Message
from netchat.chat.requests import MAX_BACKLOG
from netchat.client.blocking import TIMEOUT, Chat, connect
from netchat.client.failures import ClientError, Refused, TimedOut, Unreachable
from netchat.client.harmless import harmless
from netchat.client.notices import Closed, Delayed, Failed, NameRefused, News, Offline
from netchat.client.outbox import WINDOW
from netchat.client.passwords import environment_password
from netchat.client.render import gap_sentence, message_lines
from netchat.client.screen import Screen, forget_output, standard_screen
from netchat.client.source import Source, standard_input
from netchat.client.trust import OVERHEARD, trust_as_told
from netchat.net.addresses import is_this_machine, parse_server
from netchat.wire.messages import encode

LINES = 10
"""Messages of the past that `tail` begins with, like tail(1)."""

LONGEST_LOGIN = 24
"""Characters of the system's user name that are used; with its suffix a name has 32."""


def run_send(args: argparse.Namespace) -> int:
    """The command; its exit code is 0 only when everything was accepted."""
    return _guarded(args, lambda chat, screen: _Sender(chat, screen, args).run())


def run_tail(args: argparse.Namespace) -> int:
    """The command; it ends with Ctrl+C, or when the server wants no more of us."""
    if args.after is not None and args.lines is not None:
        return _usage("give either --after or --lines, not both.")
    if args.after is not None and args.after < 0:
        return _usage("--after takes a number from 0.")
    if args.lines is not None and not 0 <= args.lines <= MAX_BACKLOG:
        return _usage(f"--lines takes a number from 0 to {MAX_BACKLOG}.")
    return _guarded(args, lambda chat, screen: _tail(chat, screen, args))


def _guarded(args: argparse.Namespace, act: Callable[[Chat, Screen], int]) -> int:
    """Connect, act, leave; every way in which that can go wrong has its exit code."""
    screen = standard_screen()
    try:
        with _connect(args) as chat:
            return act(chat, screen)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except ValueError as exc:
        return _usage(str(exc))
    except ClientError as exc:
        screen.complain(harmless(str(exc)))
        return _exit_code(exc)
    finally:
        if screen.broken:
            forget_output()


def _connect(args: argparse.Namespace) -> Chat:
    """As who we are told to be; else as the system's user, where that is taken with something
    behind it."""
    password, trust = environment_password(args.password_file), trust_as_told(args)
    if password is not None:
        host, _, tls = parse_server(args.server)
        if not tls and not is_this_machine(host):
            print(f"netchat: {OVERHEARD}", file=sys.stderr)
    if args.name is not None or password is not None:
        name = args.name or _login_name()
        return connect(args.server, name=name, password=password, trust=trust)
    try:
        return connect(args.server, name=_login_name(), trust=trust)
    except Refused as exc:
        if exc.code not in ("name_taken", "name_invalid"):
            raise
    suffix = f"{random.SystemRandom().getrandbits(16):04x}"
    return connect(args.server, name=f"{_login_name()}-{suffix}", trust=trust)


def _login_name() -> str:
    """What the system calls us, with nothing in it that a name may not have."""
    try:
        login = getpass.getuser()
    except (KeyError, OSError):
        login = ""
    letters = "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "-" for c in login)
    return letters[:LONGEST_LOGIN].strip("-.") or "guest"


def _exit_code(exc: ClientError) -> int:
    match exc:
        case Unreachable(code=None):
            return exits.UNREACHABLE
        case Unreachable() | TimedOut():
            return exits.TRY_AGAIN
        case Refused():
            return exits.REFUSED
    return exits.FAILURE


def _usage(sentence: str) -> int:
    print(f"netchat: {sentence}", file=sys.stderr)
    return exits.USAGE


class _Sender:
    """Posts one text, or each line of a pipe, and waits for all of them."""

    def __init__(self, chat: Chat, screen: Screen, args: argparse.Namespace) -> None:
        self._chat = chat
        self._client = chat.client
        self._screen = screen
        self._json = args.json
        self._to = args.to
        self._room = None if args.to is not None else args.room
        self._texts = args.text
        self._code = exits.OK
        self._ends_at = 0.0

    def run(self) -> int:
        """The exit code."""
        if self._room is not None:
            self._chat.join(self._room, backlog=0)
        source = None
        if self._texts == ["-"]:
            source = Source(self._client.reactor, standard_input())
        else:
            text = " ".join(self._texts)
            self._post(text.encode(errors="surrogateescape").decode(errors="replace"))
        self._progress()
        while self._client.unanswered or (source is not None and not source.ended):
            if source is not None:
                self._read(source)
            more = source is not None and source.waiting and self._client.unanswered < WINDOW
            if not self._step(0.0 if more else max(0.0, self._ends_at - time.monotonic())):
                break
        return self._code

    def _read(self, source: Source) -> None:
        idle = not self._client.unanswered
        for line in source.take(max(0, WINDOW - self._client.unanswered)):
            if line:
                self._post(line)
        if idle:  # until here we waited for the pipe, and not for the server
            self._progress()

    def _post(self, text: str) -> None:
        self._client.post(text, room=self._room, to=self._to)

    def _step(self, wait: float) -> bool:
        """One tick. False: it makes no sense to go on."""
        self._client.reactor.run_once(wait)
        for news in self._client.take_events():
            self._take(news)
        if self._client.closed:
            self._code = exits.REFUSED
            return False
        if self._client.unanswered and time.monotonic() >= self._ends_at:
            self._screen.complain("There was no answer in time; not all is known to be sent.")
            self._code = exits.TRY_AGAIN
            return False
        return not self._screen.broken

    def _take(self, news: News) -> None:
        match news:
            case Accepted():
                self._progress()
                if self._json:
                    self._screen.show([encode(news).decode()])
            case Failed():
                self._progress()
                self._fail(news.message)
            case Error() | NameRefused():
                self._fail(news.message)
            case Delayed() | Closed():
                self._screen.complain(harmless(news.message))
                if isinstance(news, Delayed) and news.code == "rate_limited":
                    self._progress(news.retry_in)  # it is asked of us, and has an end
            case Offline():
                self._screen.complain(f"connection lost: {harmless(news.reason)}")

    def _fail(self, sentence: str) -> None:
        self._screen.complain(harmless(sentence))
        self._code = exits.FAILURE

    def _progress(self, more: float = 0.0) -> None:
        self._ends_at = time.monotonic() + TIMEOUT + more


def _tail(chat: Chat, screen: Screen, args: argparse.Namespace) -> int:
    backlog = LINES if args.lines is None else args.lines
    room = chat.join(args.room, after=args.after, backlog=backlog).room
    for news in chat.events():
        match news:
            case Message() | Gap() if news.room == room and args.json:
                screen.show([encode(news).decode()])
            case Message() if news.room == room:
                screen.show(message_lines(news, chat.name, columns=screen.columns))
            case Gap() if news.room == room:
                screen.complain(gap_sentence(news))
            case Offline():
                screen.complain(f"connection lost: {harmless(news.reason)}")
            case Error() | NameRefused() | Closed():
                screen.complain(harmless(news.message))
                return exits.REFUSED
        if screen.broken:
            return exits.OK
    return exits.OK
