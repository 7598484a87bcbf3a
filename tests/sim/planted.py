"""Planted bugs: what the simulator must find.

They are mistakes that servers of this kind have been known for, and those that the simulator
found here. They are in `planted_delivery` and `planted_chat`; see `planting` for how they are
put in.
"""

from __future__ import annotations

from . import planted_chat, planted_delivery
from .planting import BUGS, planted

__all__ = ["BUGS", "CAUGHT_BY", "planted", "planted_chat", "planted_delivery"]

CAUGHT_BY = {
    "a_reply_overtakes_earlier_ones": 2,
    "presence_is_not_sent_after_catching_up": 2,
    "a_state_seen_in_between_is_never_corrected": 2,
    "leave_does_not_wait_for_ones_messages": 3,
    "silence_is_never_asked_about": 3,
    "a_ghost_is_not_told_that_it_is_replaced": 4,
    "a_full_table_of_descriptors_ends_accepting": 4,
    "times_follow_the_wall_clock_back": 8,
    "a_joiner_is_told_a_head_that_is_not_published": 9,
    "a_store_that_failed_is_never_tried_again": 21,
    "a_commit_does_not_sync": 174,
    "a_batch_is_committed_in_two_halves": 49,
    "retention_overtakes_what_is_published": 71,
    "a_farewell_is_not_the_last_word": 184,
}
"""Seeds, where it is not seed 0. A bug that its seed misses is looked for from 0 on."""
