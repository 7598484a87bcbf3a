"""The chat itself, pure: requests in, events out. No bytes, sockets, clock or randomness.

Hub       the one door: takes a session's Request, changes state, puts Events into Outgoing.
Room      an ordered log with its members; positions `committed` and `published`.
Cursor    one session's place in one room's log: live, or lagging and fed from the log.
User      an identity that is here, or whose name is held for its return.
Session   one attached peer as the chat sees it; each door has a subclass.
Posting   posts on their way into the log, a batch at a time.
Outgoing  what the tick has to tell, on its way to delivery.
"""
