"""Planted bugs: what the simulator must find.

They are mistakes that servers of this kind have been known for, and those that the simulator
found here. They are in the other files of this name; see `planting` for how they are put in.
"""

from __future__ import annotations

from . import planted_chat, planted_client, planted_delivery, planted_retention
from .planting import BUGS, planted

__all__ = [
    "BUGS",
    "CAUGHT_BY",
    "planted",
    "planted_chat",
    "planted_client",
    "planted_delivery",
    "planted_retention",
]

CAUGHT_BY = {
    "a_killed_client_forgets_its_posts": 1,
    "a_live_message_is_repeated_after_lagging": 1,
    "a_live_message_is_skipped_after_lagging": 1,
    "a_reply_overtakes_earlier_ones": 1,
    "a_store_that_failed_is_never_tried_again": 1,
    "nobody_ever_pauses": 1,
    "unsent_bytes_are_dropped_on_pause": 1,
    "repeats_are_not_looked_for": 2,
    "times_follow_the_wall_clock_back": 2,
    "a_gap_is_not_told": 3,
    "a_gap_reaches_one_too_far": 3,
    "a_stop_forgets_what_waits_for_the_log": 3,
    "half_close_loses_replies": 3,
    "ids_are_forgotten_at_a_restart": 3,
    "silence_is_never_asked_about": 3,
    "a_batch_is_committed_in_two_halves": 4,
    "leave_does_not_wait_for_ones_messages": 4,
    "nothing_ever_goes": 4,
    "a_fan_out_sends_to_those_who_have_had_it": 5,
    "a_killed_client_forgets_who_it_was": 5,
    "a_ghost_is_not_told_that_it_is_replaced": 7,
    "a_joiner_is_told_a_head_that_is_not_published": 7,
    "a_full_table_of_descriptors_ends_accepting": 10,
    "another_epoch_is_taken_for_this_one": 11,
    "one_message_fewer_is_kept": 19,
    "presence_is_not_sent_after_catching_up": 20,
    "a_commit_does_not_sync": 29,
    "a_gap_reaches_as_far_as_retention_by_now": 60,
    "retention_overtakes_what_is_published": 75,
    "what_went_before_it_was_published_is_forgotten": 75,
    "a_state_seen_in_between_is_never_corrected": 81,
}
"""Seeds, where it is not seed 0. A bug that its seed misses is looked for from 0 on."""
