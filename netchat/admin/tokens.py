"""`netchat token`: the tokens with which programs speak to the web door."""

from __future__ import annotations

import argparse

from netchat.admin.commands import Operator, add_command, print_table, when


def add_token_commands(parser: argparse.ArgumentParser) -> None:
    """The subcommands of `netchat token`."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = add_command(commands, "add", "make a token for an account, or for a new bot", _add)
    add.add_argument("name", help="the account's name; where there is none, a bot is made")
    add.add_argument("--hook", metavar="ROOM", default="", help="a webhook that posts there only")
    add_command(commands, "list", "list the tokens", _list)
    add = add_command(commands, "revoke", "make a token worthless, and end its streams", _revoke)
    add.add_argument("id", help="as 'list' has it")


def _add(operator: Operator) -> None:
    from netchat.admin.requests import AddToken

    made = operator.ask(AddToken(name=operator.args.name, room=operator.args.hook))
    print(f"/api/hooks/{made.secret}" if operator.args.hook else made.secret)


def _list(operator: Operator) -> None:
    from netchat.admin.requests import Tokens

    rows = operator.pages(Tokens())
    table = [(row.name, row.id, when(row.since), row.room or "-") for row in rows]
    print_table(("NAME", "ID", "SINCE", "HOOK OF"), table)


def _revoke(operator: Operator) -> None:
    from netchat.admin.requests import RevokeToken

    operator.ask(RevokeToken(id=operator.args.id))
