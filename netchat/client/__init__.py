"""The client, as a library and at the terminal.

Blocking, for scripts and bots:

    from netchat.client import connect
    from netchat.chat.events import Message

    with connect("127.0.0.1:7337", name="ana") as chat:
        chat.join("lobby")
        accepted = chat.post("hola", room="lobby", timeout=10)   # committed, as number .seq
        for event in chat.events(timeout=60):
            if isinstance(event, Message):
                print(event.sender, event.text)

Not blocking, inside of somebody's own selector (or run `client.reactor` itself):

    client = Client("127.0.0.1:7337", name="ana")
    client.join("lobby")                      # all requests may be made before there is a
    client.post("hola", room="lobby")         # connection; they leave in this order
    selector.register(client.reactor, selectors.EVENT_READ)
    while not client.closed:
        selector.select(client.reactor.next_timeout())
        client.reactor.run_once(0)
        for event in client.take_events():
            print(event)

Both connect again by themselves, take their identity back, join their rooms from where they
were, and send again what was not acknowledged, under the same ids: it is stored once, and what
others write comes exactly once. The notices Offline, Online and CaughtUp tell of it, Gap of what
is gone for good. After Closed (our `bye`, or the server sent us away) nothing follows.

Text, names and sentences are as others wrote them: make them harmless before a terminal
shows them (`netchat.client.harmless.harmless`).
"""

from netchat.client.blocking import Chat, connect
from netchat.client.client import Client
from netchat.client.failures import (
    ClientError,
    Disconnected,
    OutboxFull,
    Refused,
    TimedOut,
    Unreachable,
)
from netchat.client.notices import (
    CaughtUp,
    Closed,
    Delayed,
    Failed,
    NameRefused,
    Offline,
    Online,
)

__all__ = [
    "CaughtUp",
    "Chat",
    "Client",
    "ClientError",
    "Closed",
    "Delayed",
    "Disconnected",
    "Failed",
    "NameRefused",
    "Offline",
    "Online",
    "OutboxFull",
    "Refused",
    "TimedOut",
    "Unreachable",
    "connect",
]
