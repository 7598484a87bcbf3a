"""Sessions: where the chat meets the network. One file a door, and the delivery they share.

Door        what all sessions of a listener share: the hub, their turns, the heartbeat.
Turns       who is served next, and how much: the light first, within the tick's budgets.
Delivery    Outgoing made into bytes: replies per session, each room's slice once per wire.
Tail        a room's newest part, already encoded, for readers that have fallen behind.
Heartbeat   asks peers that have gone silent, and gives up on those that do not answer.
"""
