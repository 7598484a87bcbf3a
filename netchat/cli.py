"""The command line: one command each for servers, people, programs, operators. Codes: `exits`."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netchat import __version__, exits
from netchat.admin.acts import add_act_commands
from netchat.admin.commands import add_user_commands
from netchat.admin.tokens import add_token_commands
from netchat.config import Config
from netchat.errors import ConfigError, StartError
from netchat.loading import data_folder, load_config, parse_set, to_toml
from netchat.logs import start_logging
from netchat.metrics.figures import figures
from netchat.net.addresses import DEFAULT_PORT, WEB_PORT
from netchat.private import check_private
from netchat.process import dump_when_killed, keep_alive, notify, remark_on_user

if TYPE_CHECKING:
    from netchat.server import Server

SERVER = f"127.0.0.1:{DEFAULT_PORT}"
ROOM = "lobby"

log = logging.getLogger("netchat")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    args = _parser().parse_args(argv)
    code: int = args.run(args)
    return code


# -- the commands --------------------------------------------------------------------------


def _serve(args: argparse.Namespace) -> int:
    try:
        config = load_config(args.config, os.environ, _flags(args))
    except ConfigError as exc:
        return _complain(exc, exits.CONFIG)
    if args.print_config:
        sys.stdout.write(to_toml(config))
        return exits.OK
    start_logging(config.log.level, config.log.format)
    try:
        return _run_server(config, data_folder(config, os.environ))
    except ConfigError as exc:
        return _complain(exc, exits.CONFIG)
    except StartError as exc:
        return _complain(exc, exits.FAILURE)


def _run_server(config: Config, data: Path) -> int:
    from netchat.environment import system, tune_collector
    from netchat.server import Server

    dump_when_killed()
    os.umask(0o077)  # what is made from here on is nobody else's
    check_private(data / "netchat.db")
    server = Server(config, system(config, data))
    server.start()

    def stop() -> None:
        notify("STOPPING")
        server.stop()

    def reload() -> None:
        notify("RELOADING")
        server.reload()
        notify("READY")

    try:
        for signum in (signal.SIGINT, signal.SIGTERM):
            server.reactor.add_signal(signum, stop)
        server.reactor.add_signal(signal.SIGUSR1, lambda: _report(server))
        where = "in memory" if config.server.durability == "memory" else str(data)
        if config.tls.cert is not None:
            server.reactor.add_signal(signal.SIGHUP, reload)
        log.info("netchat %s, %s, log %s", __version__, config.server.durability, where)
        remark_on_user(config.server.user)
        print("netchat ready", *server.addresses, flush=True)
        notify("READY")
        keep_alive(server.reactor.call_later)
        tune_collector()
        with server.watchdog.watching():
            server.reactor.run()
        _report(server)
    finally:
        server.close()
    return exits.OK if server.stopped_in_order else exits.FAILURE


def _report(server: Server) -> None:
    """Log the counters; those of the lag begin anew, so that each report covers its own time."""
    log.info("figures %s", json.dumps(figures(server)))
    server.reactor.lag.begin_report()


def _complain(exc: Exception, code: int) -> int:
    print(f"netchat: {exc}", file=sys.stderr)
    return code


def _flags(args: argparse.Namespace) -> dict[str, str | list[str]]:
    """The settings given as flags; a flag of its own counts more than `--set`."""
    flags: dict[str, str | list[str]] = dict(parse_set(text) for text in args.set)
    if args.listen:
        flags["server.listen"] = args.listen
    if args.web:
        flags["web.listen"] = args.web
    if args.metrics:
        flags["metrics.listen"] = args.metrics
    if args.tls_listen:
        flags["tls.listen"] = args.tls_listen
    if args.tls_web:
        flags["tls.web"] = args.tls_web
    if args.data is not None:
        flags["server.data"] = args.data
    for key in ("server.durability", "tls.cert", "tls.key"):
        if (value := getattr(args, key)) is not None:
            flags[key] = value
    return flags


def _chat(args: argparse.Namespace) -> int:
    from netchat.client.start import run_chat

    return run_chat(args)


def _send(args: argparse.Namespace) -> int:
    from netchat.client.oneshot import run_send

    return run_send(args)


def _tail(args: argparse.Namespace) -> int:
    from netchat.client.oneshot import run_tail

    return run_tail(args)


def _backup(args: argparse.Namespace) -> int:
    from netchat.storage.copying import back_up

    flags: dict[str, str | list[str]] = {} if args.data is None else {"server.data": args.data}
    try:
        config = load_config(args.config, os.environ, flags)
        back_up(data_folder(config, os.environ) / "netchat.db", args.file)
    except ConfigError as exc:
        return _complain(exc, exits.CONFIG)
    except StartError as exc:
        return _complain(exc, exits.FAILURE)
    return exits.OK


# -- the parser ----------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="netchat",
        description="A real-time chat server that keeps its word, and its client.",
        epilog="Example: 'netchat serve' in one terminal, 'netchat chat' in two others.",
    )
    parser.add_argument("--version", action="version", version=f"netchat {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, what: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")

    _add_serve(command("serve", "run the server"))
    _add_chat(command("chat", "chat in the terminal"))
    _add_send(command("send", "post one text, or a line each from a pipe"))
    _add_tail(command("tail", "print a room's messages as they come"))
    add_user_commands(command("user", "people and accounts of a running server"))
    add_token_commands(command("token", "tokens for programs and webhooks"))
    add_act_commands(command("acts", "bans, mutes and what else moderators have done"))
    _add_backup(command("backup", "copy the log, also of a running server"))
    return parser


def _add_backup(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="where the copy goes; it must not exist yet")
    add("--data", metavar="DIR", help="folder of the log (default: the user's state folder)")
    add("--config", type=Path, metavar="FILE", help="settings in TOML")
    parser.set_defaults(run=_backup)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--listen",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help=f"where to listen (repeatable; port 0 takes a free one; default {SERVER})",
    )
    add(
        "--web",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="where browsers find the page (repeatable; off: nowhere; "
        f"default 127.0.0.1:{WEB_PORT}, where that is free)",
    )
    add("--data", metavar="DIR", help="folder of the log (default: the user's state folder)")
    add(
        "--durability",
        dest="server.durability",
        metavar="LEVEL",
        help="what 'accepted' promises: fsync (on disk), wal (survives kill -9) or memory",
    )
    add(
        "--tls-listen",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="where to listen with TLS (repeatable)",
    )
    add(
        "--tls-web",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="where to serve the web page with TLS (repeatable)",
    )
    add(
        "--metrics",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="where programs watch the server: /metrics, /healthz, /readyz (repeatable)",
    )
    add("--tls-cert", dest="tls.cert", metavar="FILE", help="certificate with its chain, in PEM")
    add("--tls-key", dest="tls.key", metavar="FILE", help="its key, in PEM")
    add("--config", type=Path, metavar="FILE", help="settings in TOML")
    add(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="any setting (repeatable)",
    )
    add("--print-config", action="store_true", help="print the settings in force, and stop")
    parser.set_defaults(run=_serve)


def _add_client(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    where = f"HOST:PORT, or netchats://HOST:PORT with TLS; default {SERVER}"
    add("--server", default=SERVER, metavar="ADDRESS", help=where)
    add("--ca", type=Path, metavar="FILE", help="trust these authorities only, not the system's")
    add("--insecure", action="store_true", help="do not check the server's certificate at all")
    add("--name", help="your user name")
    add(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="log in with the password in its first line (or NETCHAT_PASSWORD_FILE)",
    )


def _add_chat(parser: argparse.ArgumentParser) -> None:
    _add_client(parser)
    parser.add_argument(
        "--password", action="store_true", help="log in with a password; you are asked"
    )
    parser.add_argument("--room", default=ROOM, help=f"the room to start in (default {ROOM})")
    parser.add_argument(
        "--no-state",
        action="store_true",
        help="keep nothing on disk: neither who you are nor what is not sent yet",
    )
    parser.set_defaults(run=_chat)


def _add_send(parser: argparse.ArgumentParser) -> None:
    _add_client(parser)
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--room", default=ROOM, help=f"the room to post to (default {ROOM})")
    target.add_argument("--to", metavar="USER", help="post privately")
    parser.add_argument("--json", action="store_true", help="print what was accepted as JSON")
    parser.add_argument(
        "text", nargs="+", metavar="TEXT", help="the text; - reads lines from a pipe"
    )
    parser.set_defaults(run=_send)


def _add_tail(parser: argparse.ArgumentParser) -> None:
    _add_client(parser)
    add = parser.add_argument
    add("--room", default=ROOM, help=f"the room to follow (default {ROOM})")
    add("--json", action="store_true", help="one JSON object a line")
    add("--after", type=int, metavar="SEQ", help="begin behind this seq (0: with the oldest)")
    add("--lines", type=int, metavar="N", help="begin with the last N messages (default 10)")
    parser.set_defaults(run=_tail)
