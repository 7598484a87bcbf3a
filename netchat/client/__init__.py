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

At "netchats://host:port" they speak TLS, and believe whom `trust=Trust(ca=...)` says.

Both connect again by themselves, take their identity back, join their rooms from where they
were, and send again what was not acknowledged, under the same ids: it is stored once, and what
others write comes exactly once. The notices Offline, Online and CaughtUp tell of it, Gap of what
is gone for good. After Closed (our `bye`, or the server sent us away) nothing follows.

With `outbox=Path("ana.outbox")` (of `connect`, of Client, of `login`) that also holds when the
program is killed. What `post` has returned for is in that file until it is answered: it survives
kill -9 at once, a power cut 50 ms later. Started again with the same file, the program is the same
user, and sends it under the same ids. The file belongs to one name on one server and to one
process at a time; OutboxError says what is wrong with it, OutboxTrouble that a disk fails, or
works again. `Client.handled` says that what was taken has been dealt with: the next program is
then in the same rooms, and is handed what came after. Without it no rooms are kept, only the talks
and rooms that waiting posts are for.

Text, names and sentences are as others wrote them: make them harmless before a terminal
shows them (`netchat.client.harmless.harmless`).
"""

from netchat.client.blocking import Chat, connect
from netchat.client.client import Client
from netchat.client.failures import (
    ClientError,
    Disconnected,
    OutboxError,
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
    OutboxTrouble,
)
from netchat.client.trust import Trust

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
    "OutboxError",
    "OutboxFull",
    "OutboxTrouble",
    "Refused",
    "TimedOut",
    "Trust",
    "Unreachable",
    "connect",
]
