"""The load harness: what a chat server carries, and whether it keeps its word meanwhile.

The nouns, as the code and the report use them:

Member      one simulated client. It checks every message that reaches it.
Ledger      what a room's log must look like to all of its members, byte for byte.
Crowd       the members of one process, and what they have counted together.
Round       a stretch of load on a crowd that stays connected. It ends drained: everything
            posted has reached everybody, or nothing has moved for a while.
Generator   the process that a crowd lives in, never the server's.
Due, sent   when a message should have left, and when it did. Latency counts from due.
Ladder      the percentiles 50, 75, 90, 95, 99, 99.9 and 99.99, and the maximum.
Peer        another server, measured beside ours by the same generator.
"""
