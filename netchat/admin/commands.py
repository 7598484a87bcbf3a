"""`netchat user`: people and accounts of the running server, for its operator."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from netchat import exits
from netchat.config import data_folder, load_config
from netchat.errors import ConfigError, NetchatError

Commands = Any  # argparse has no public name for what add_subparsers gives


class Failed(Exception):
    """The server said no; the message says why."""


def add_user_commands(parser: argparse.ArgumentParser) -> None:
    """The subcommands of `netchat user`."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = _add(commands, "sessions", "list who is connected", _sessions)
    add.add_argument("name", nargs="?", help="this user's connections only")
    add = _add(commands, "kick", "send a user away", _kick)
    add.add_argument("name")
    add.add_argument("--session", metavar="ID", help="this connection only")
    add.add_argument("--reason", default="", help="what the user is told")


def _add(
    commands: Commands, name: str, help: str, run: Callable[[Operator], None]
) -> argparse.ArgumentParser:
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


def run_command(args: argparse.Namespace, run: Callable[[Operator], None]) -> int:
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


def print_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Columns as wide as they need to be."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


# -- the commands --------------------------------------------------------------------------


def _sessions(operator: Operator) -> None:
    from netchat.admin.requests import Sessions

    rows = operator.pages(Sessions(name=operator.args.name))
    head = ("NAME", "SESSION", "ADDRESS", "ROOMS")
    print_table(head, [(row.name, row.session, row.address, str(row.rooms)) for row in rows])


def _kick(operator: Operator) -> None:
    from netchat.admin.requests import Kick

    args = operator.args
    operator.ask(Kick(name=args.name, session=args.session, reason=args.reason))
