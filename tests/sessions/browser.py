"""Somebody who speaks HTTP with the web door, on a socket of the support module's."""

from __future__ import annotations

from tests.sessions.support import House, Socket, web_entrance

GET = b"GET %s HTTP/1.1\r\nHost: chat.example\r\n%s\r\n"


class Browser:
    """A connection to the web door, or another that speaks HTTP."""

    def __init__(self, house: House, setting: str = "web.listen") -> None:
        self.house = house
        self.sock = Socket()
        house.clients.append(self)  # type: ignore[arg-type]
        entrance = web_entrance(house, setting)
        house.let_in(entrance, self.sock)

    def sends(self, data: bytes) -> None:
        self.sock.inbox += data
        self.house.settle()

    def gets(self, path: bytes = b"/", *headers: bytes) -> tuple[int, dict[str, str], bytes]:
        self.sends(GET % (path, b"".join(header + b"\r\n" for header in headers)))
        [answer] = self.answers()
        return answer

    def answers(self) -> list[tuple[int, dict[str, str], bytes]]:
        """What has come since the last time, as (status, headers, body)."""
        data, found = bytes(self.sock.outbox), []
        self.sock.outbox.clear()
        while data:
            head, _, data = data.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            size = int(headers.get("content-length", 0))
            found.append((int(first.split()[1]), headers, data[:size]))
            data = data[size:]
        return found
