"""`netchat chat`: a terminal client put together, with its keyboard, its signals and its outbox.

Where the outbox lies is decided here: one file a server and name, in the user's state folder.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import nullcontext
from functools import partial
from hashlib import sha256
from pathlib import Path

from netchat import exits
from netchat.client.client import Client
from netchat.client.editor import Editor
from netchat.client.failures import OutboxError
from netchat.client.keyboard import Keyboard, show_typing
from netchat.client.passwords import environment_password
from netchat.client.screen import Screen, can_wipe, forget_output, standard_screen
from netchat.client.source import Source, standard_input
from netchat.client.terminal import Terminal
from netchat.client.trust import trust_as_told

SIGNALS = {
    signal.SIGHUP: exits.HUNG_UP,
    signal.SIGINT: exits.INTERRUPTED,
    signal.SIGTERM: exits.TERMINATED,
}


def run_chat(args: argparse.Namespace) -> int:
    """The command; its exit code."""
    fd = standard_input()
    interactive = os.isatty(fd)
    try:
        if not interactive and not args.name:
            raise ValueError("give a name with --name, as nobody can be asked for it.")
        if not interactive and args.password:
            raise ValueError("give a --password-file, as nobody can be asked for the password.")
        password = environment_password(args.password_file)
        for text in (args.name or "", args.room):
            text.encode()  # what the shell gave us need not be Unicode
        client = Client(args.server, trust=trust_as_told(args))
    except ValueError as exc:
        print(f"netchat: {exc}", file=sys.stderr)
        return exits.USAGE
    editor = Editor() if interactive and can_wipe() else None
    screen = standard_screen(editor)
    source = Source(client.reactor, fd, editor)
    outbox = None if args.no_state else partial(outbox_path, client.place)
    terminal = Terminal(
        client,
        source,
        screen,
        interactive=interactive,
        outbox=outbox,
        hide=partial(_hide, editor, fd),
    )
    for signum, code in SIGNALS.items():
        client.reactor.add_signal(signum, partial(terminal.interrupt, code))
    try:
        with nullcontext() if editor is None else _keyboard(client, screen, fd):
            return terminal.run(args.name, args.room, password, ask_password=args.password)
    finally:
        if interactive and editor is None:
            show_typing(fd, True)
        client.close()
        if screen.broken:
            forget_output()


def _hide(editor: Editor | None, fd: int, hidden: bool) -> None:
    """What is typed is shown by the editor, or by the terminal itself."""
    if editor is not None:
        editor.hidden = hidden
    else:
        show_typing(fd, not hidden)


def _keyboard(client: Client, screen: Screen, fd: int) -> Keyboard:
    """The keyboard, ready for Ctrl+Z and what follows it."""
    keyboard = Keyboard(fd)

    def sleep() -> None:
        screen.end_typing()
        keyboard.sleep()

    def wake_up() -> None:
        keyboard.take()
        screen.redraw()

    client.reactor.add_signal(signal.SIGTSTP, sleep)
    client.reactor.add_signal(signal.SIGCONT, wake_up)
    return keyboard


def outbox_path(server: str, name: str) -> Path:
    """The file for a name, however it is capitalized, on a server; its folders are made, for
    their owner alone. Raises OutboxError. Names are of any length, and file names are not."""
    from platformdirs import user_state_path

    state = user_state_path("netchat")
    try:
        for folder in (state, state / "client"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise OutboxError(f"{folder} cannot be made: {exc.strerror}.") from exc
    key = sha256(f"{server}\n{name.casefold()}".encode()).hexdigest()[:32]
    return state / "client" / f"{key}.outbox"
