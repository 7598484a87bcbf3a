"""netchat: a chat server that keeps its word, on one event loop.

The nouns, as the code and its papers use them:

Reactor     the selector loop; one single thread serves all clients.
Transport   the socket side of one peer: bytes in, bytes out.
Framing     a stream of bytes to payloads, and back.
Connection  a pure protocol machine for one peer; there is one for each role.
Wire        a stateless encoder of events for one format, so that one encoding serves all.
Session     one attached peer, as the chat sees it.
Hub         the chat's one door: a Request goes in, Events come out.
Room        an ordered log. Posting appends to it, and every member reads it from a cursor.
Seq, epoch  a message's place in its room's log, and which life of the store it counts in.
Tail        a log's newest part, in memory, already encoded.
Committed   how far a log is committed. Published: how far its members have been handed it.
Outgoing    the events of this turn of the loop, on their way out.
Identity    somebody, here or not: a guest. A user is an identity that is here, or whose name
            is held.
Outbox      a client's requests that have not been answered yet.
"""

__version__ = "0.1.0"
