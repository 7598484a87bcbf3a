"""Where the logs are kept.

Store: the writing side; one commit a batch. Reader: the reading side; pages of a room.
Worker: runs a store's calls elsewhere, in order, and hands the outcomes back on the loop.
Head: a room's newest entry, the place the next one goes behind.
"""
