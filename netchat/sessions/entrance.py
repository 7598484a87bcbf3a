"""An entrance: addresses that are listened at, and what is made of those who come there.

The server lets everybody in the same way; what differs between the doors stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netchat.errors import RefusedError
from netchat.net.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """One way in.

    `setting` is named where one of the `addresses` is wrong. `ready` is what the ready line
    says of an address that stands for `{}`. `admit` begins to serve a transport, on a tick's
    `now`; `refusal` says no in the format that peers here understand, as the last bytes. With
    `tls`, a transport comes here only after its handshake.
    """

    setting: str
    addresses: Sequence[str]
    ready: str
    admit: Callable[[Transport, float], object]
    refusal: Callable[[RefusedError], bytes]
    optional: bool = False
    """An address that is in use already is passed over, with a warning."""
    tls: bool = False
    private: bool = False
    """For the operator's programs: they are no connections of the chat, no proxy stands before
    them, and the entrance stays open while the server stops."""
