"""`netchat user`: people and accounts of the running server, for its operator."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from netchat import exits
from netchat.errors import ConfigError, NetchatError
from netchat.loading import data_folder, load_config
from netchat.logs import harmless

Commands = Any  # argparse has no public name for what add_subparsers gives


class Failed(Exception):
    """The server said no; the message says why."""


def add_user_commands(parser: argparse.ArgumentParser) -> None:
    """The subcommands of `netchat user`."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_command(commands, "list", "list the accounts", _list)
    _add_named(commands, "add", "make an account; asks for its password", _add_user, PASSWORD)
    _add_named(commands, "passwd", "change a password; logs all devices out", _passwd, PASSWORD)
    _add_named(commands, "disable", "let nobody in by an account", _disable, REASON)
    _add_named(commands, "enable", "let it in again", _enable)
    _add_named(commands, "promote", "let an account act in all rooms: kick, ban, mute", _promote)
    _add_named(commands, "demote", "let it do so no longer", _demote)
    _add_named(commands, "remove", "forget an account; its name is free", _remove, REASON)
    _add_named(commands, "kick", "send a user away, who may come back", _kick, REASON)
    add = add_command(commands, "sessions", "list who is connected, or a user's devices", _sessions)
    add.add_argument("name", nargs="?", help="this user's, connected or not")
    add.add_argument("--revoke", metavar="ID", help="log this device of the user out")


Option = tuple[str, dict[str, Any]]
Run = Callable[["Operator"], None]

PASSWORD: Option = (
    "--password-stdin",
    {"action": "store_true", "help": "read the password from a pipe"},
)
REASON: Option = ("--reason", {"default": "", "metavar": "TEXT", "help": "what the user is told"})


def _add_named(commands: Commands, name: str, help: str, run: Run, *options: Option) -> None:
    add = add_command(commands, name, help, run)
    add.add_argument("name", help="the user's name")
    for flag, settings in options:
        add.add_argument(flag, **settings)


def add_command(commands: Commands, name: str, help: str, run: Run) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help)
    add_place(parser)
    parser.set_defaults(run=lambda args: run_command(args, run))
    return parser


def add_place(parser: argparse.ArgumentParser) -> None:
    """The options by which an operator's command finds its server."""
    parser.add_argument("--data", metavar="DIR", help="the server's data folder, as for 'serve'")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the server's settings")


class Operator:
    """A command's arguments, and the server that it speaks to."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.args = args
        self._folder = folder

    def ask(self, request: Any) -> Any:
        """The reply. Raises Failed where it is a refusal, and what `client.ask` raises."""
        from netchat.admin import client, requests

        reply = client.ask(self._folder, request)
        if isinstance(reply, requests.Refusal):
            raise Failed(reply.message)
        return reply

    def pages(self, request: Any) -> Iterator[Any]:
        """All rows of a list, page by page."""
        while True:
            page = self.ask(request)
            yield from page.rows
            if not page.after:
                return
            request.after = page.after


def run_command(args: argparse.Namespace, run: Run) -> int:
    """Run one operator's command; its exit code."""
    from netchat.admin.client import NoServer, NotAllowed

    try:
        flags: dict[str, str | list[str]] = {} if args.data is None else {"server.data": args.data}
        folder = data_folder(load_config(args.config, os.environ, flags), os.environ)
        run(Operator(args, folder))
    except ConfigError as exc:
        return _complain(exc, exits.CONFIG)
    except NoServer as exc:
        return _complain(exc, exits.UNREACHABLE)
    except NotAllowed as exc:
        return _complain(exc, exits.REFUSED)
    except (Failed, NetchatError) as exc:
        return _complain(exc, exits.FAILURE)
    return exits.OK


def _complain(exc: Exception, code: int) -> int:
    print(f"netchat: {exc}", file=sys.stderr)
    return code


def print_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Columns as wide as they need to be. What others wrote commands no terminal."""
    shown = [tuple(map(harmless, row)) for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def new_password(args: argparse.Namespace) -> str:
    """A password, from a pipe or from a person who types it twice. Raises Failed."""
    if args.password_stdin:
        return sys.stdin.readline().rstrip("\n")
    if not sys.stdin.isatty():
        raise Failed("nobody can be asked for the password; pipe it to --password-stdin.")
    import getpass

    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise Failed("the two are not the same.")
    return first


def when(time: int | None) -> str:
    """A time in ms since the epoch, for people."""
    if time is None:
        return "-"
    return datetime.fromtimestamp(time / 1000).isoformat(" ", "minutes")


# -- the commands --------------------------------------------------------------------------


def _list(operator: Operator) -> None:
    from netchat.admin.requests import Users

    rows = operator.pages(Users())
    table = [
        (row.name, when(row.since), str(row.devices), "operator" * row.operator or "-", _state(row))
        for row in rows
    ]
    print_table(("NAME", "SINCE", "DEVICES", "CLASS", "STATE"), table)


def _state(row: Any) -> str:
    return "disabled" if row.disabled else "here" if row.here else "away"


def _add_user(operator: Operator) -> None:
    from netchat.admin.requests import AddUser

    args = operator.args
    operator.ask(AddUser(name=args.name, password=new_password(args)))


def _passwd(operator: Operator) -> None:
    from netchat.admin.requests import SetPassword

    args = operator.args
    operator.ask(SetPassword(name=args.name, password=new_password(args)))


def _disable(operator: Operator) -> None:
    from netchat.admin.requests import DisableUser

    operator.ask(DisableUser(name=operator.args.name, reason=operator.args.reason))


def _enable(operator: Operator) -> None:
    from netchat.admin.requests import EnableUser

    operator.ask(EnableUser(name=operator.args.name))


def _promote(operator: Operator) -> None:
    from netchat.admin.requests import SetOperator

    operator.ask(SetOperator(name=operator.args.name, operator=True))


def _demote(operator: Operator) -> None:
    from netchat.admin.requests import SetOperator

    operator.ask(SetOperator(name=operator.args.name, operator=False))


def _remove(operator: Operator) -> None:
    from netchat.admin.requests import RemoveUser

    operator.ask(RemoveUser(name=operator.args.name, reason=operator.args.reason))


def _kick(operator: Operator) -> None:
    from netchat.admin.requests import Kick

    operator.ask(Kick(name=operator.args.name, reason=operator.args.reason))


def _sessions(operator: Operator) -> None:
    from netchat.admin.requests import Revoke, Sessions

    args = operator.args
    if args.revoke is not None:
        if args.name is None:
            raise Failed("name the user whose device it is.")
        operator.ask(Revoke(name=args.name, device=args.revoke))
        return
    head = ("NAME", "ID", "CLIENT", "ADDRESS", "SINCE", "LAST USE", "STATE")
    rows = [
        (
            row.name, row.id, row.client or "-", row.address, when(row.since), when(row.used),
            "here" if row.here else "away",
        )
        for row in operator.pages(Sessions(name=args.name))
    ]  # fmt: skip
    print_table(head, rows)
