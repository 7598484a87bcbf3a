"""`netchat acts`: what moderators and operators have done, and the end of it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from netchat.admin.commands import REASON, Operator, add_command, print_table, when


def add_act_commands(parser: argparse.ArgumentParser) -> None:
    """The subcommands of `netchat acts`."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = add_command(commands, "list", "list them, the newest first", _list)
    add.add_argument("--room", metavar="ROOM", help="those in this room only")
    add.add_argument("--json", action="store_true", help="one JSON object a line")
    add = add_command(commands, "undo", "end a ban or a mute", _undo)
    add.add_argument("number", type=int, help="as 'list' has it")
    add = add_command(commands, "ban", "keep somebody out of the server", _ban)
    whom = add.add_mutually_exclusive_group(required=True)
    whom.add_argument("--user", metavar="NAME", help="who has this name now, whatever it is later")
    whom.add_argument("--name", metavar="NAME", help="whoever comes by this name")
    whom.add_argument("--address", metavar="IP", help="whoever comes from there (IPv6: its /64)")
    add.add_argument("--seconds", type=int, metavar="N", help="for so long; without it, for good")
    add.add_argument(REASON[0], **REASON[1])


def _list(operator: Operator) -> None:
    from netchat.admin.requests import Acts

    rows = operator.pages(Acts(room=operator.args.room))
    if operator.args.json:
        from msgspec import to_builtins

        for row in rows:
            print(json.dumps(to_builtins(row)))  # ASCII: whatever was written is escaped
        return
    head = ("NO", "WHEN", "ROOM", "BY", "WHAT", "WHOM", "UNTIL", "STATE", "WHY")
    print_table(head, [_cells(row) for row in rows])


def _cells(row: Any) -> tuple[str, ...]:
    whom = "-" if row.kind == "room" else f"{row.kind} {row.whom}"
    what = f"{row.what} {row.detail}".rstrip()
    return (
        str(row.act), when(row.at), row.room or "-", row.by, what, whom, when(row.until),
        _state(row), row.reason or "-",
    )  # fmt: skip


def _state(row: Any) -> str:
    if row.undone_by is not None:
        return f"undone by {row.undone_by}"
    return "holds" if row.active else "over" if row.what in ("ban", "mute") else "-"


def _undo(operator: Operator) -> None:
    from netchat.admin.requests import Undo

    operator.ask(Undo(act=operator.args.number))


def _ban(operator: Operator) -> None:
    from netchat.admin.requests import Ban

    args = operator.args
    ban = Ban(
        user=args.user, name=args.name, address=args.address,
        reason=args.reason, seconds=args.seconds,
    )  # fmt: skip
    print(operator.ask(ban).note)
