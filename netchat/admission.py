"""Admission: from the settings, how fast everybody may go; and how newcomers are turned away."""

from __future__ import annotations

from socket import socket
from typing import Any

from netchat.chat.limits import Terms, TokenBucket
from netchat.chat.paces import Paces
from netchat.chat.refusals import Refusals
from netchat.config import Limits
from netchat.errors import RefusedError, TooManyConnections
from netchat.net.reactor import Reactor
from netchat.net.transport import Transport
from netchat.sessions.entrance import Entrance
from netchat.sessions.porter import Porter

COURTESY = 4.0, 16.0
"""So many a second, after a burst, of those who are turned away are told why, and may linger: up
to 7 s each, so that at most 44 of the descriptors in reserve are theirs. The others see an end."""


def open_paces(limits: Limits) -> Paces | None:
    """Everybody's pace; None where nobody's is limited."""
    if not limits.enabled:
        return None
    rest = limits.patience, limits.refusals
    return Paces(
        person=Terms(limits.request_rate, limits.request_burst, *rest),
        bot=Terms(limits.bot_rate, limits.bot_burst, *rest),
        address=Terms(limits.address_rate, limits.address_burst, *rest),
    )


class Admission:
    """Turns newcomers away, as the porter says."""

    def __init__(self, reactor: Reactor, porter: Porter, refusals: Refusals) -> None:
        self._reactor = reactor
        self._porter = porter
        self._refusals = refusals
        self._courtesy = TokenBucket(*COURTESY)

    def turned_away(self, entrance: Entrance, sock: socket, peer: Any) -> bool:
        """Whether somebody is not let in. Who would speak TLS is told nothing, as that would take
        a handshake."""
        retry_after = self._porter.turn_away(str(peer[0]), self._reactor.now)
        if retry_after is None:
            return False
        if entrance.tls:
            self._refusals.add(TooManyConnections.code)
            sock.close()
        else:
            self.refuse(entrance, sock, peer[0], TooManyConnections(retry_after=retry_after))
        return True

    def refuse(self, entrance: Entrance, sock: socket, address: str, exc: RefusedError) -> None:
        """Do not let somebody in, and say why, as far as there is room for courtesy."""
        self._refusals.add(exc.code)
        if self._courtesy.wait(self._reactor.now):
            sock.close()
            return
        self._courtesy.take(self._reactor.now)
        transport = Transport(self._reactor, sock, address)
        transport.write(entrance.refusal(exc))
        transport.close()
