from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netchat.chat import requests
from netchat.chat.events import Event, Gap, Message
from netchat.chat.requests import Join

from .support import Conversation, joined, message, welcome


def served(join: Join, ref: str | None, first: int, head: int, epoch: str) -> list[Event]:
    """What a server with this log answers to a join (the protocol, promise 4)."""
    told: list[Event] = [joined(ref, head=head, first=first, epoch=epoch)]
    after = join.after
    if after is None:
        after = max(first - 1, head - (join.backlog or 0))
    elif (join.epoch or epoch) != epoch or after > head:
        if after:
            told.append(Gap(room="lobby", start=1, to=after, reason="epoch_changed", epoch=epoch))
        after = first - 1
    elif after + 1 < first:
        told.append(
            Gap(room="lobby", start=after + 1, to=first - 1, reason="retention", epoch=epoch)
        )
        after = first - 1
    return told + [message(seq) for seq in range(after + 1, head + 1)]


# One connection: how many messages are added before and during it, how many the log forgets,
# after how many events it is cut, and whether the log begins anew before it.
lives = st.lists(
    st.tuples(
        st.integers(0, 6), st.integers(0, 6), st.integers(0, 4), st.integers(0, 12), st.booleans()
    ),
    min_size=1,
    max_size=8,
)


@given(lives)
def test_every_message_comes_once_in_order_or_a_gap_names_it(
    lives: list[tuple[int, int, int, int, bool]],
) -> None:
    talk = Conversation()
    talk.connect()
    talk.tell(welcome())
    talk.machine.ask(Join(room="lobby", after=0))
    epoch, first, head, covered = 0, 1, 0, 0
    for before, during, forgotten, cut, anew in [*lives, (0, 0, 0, 99, False)]:
        if anew:
            epoch, first, head = epoch + 1, 1, 0
        head += before
        first = min(first + forgotten, head + 1)
        join = next(r for r in talk.sent() if isinstance(r, requests.Join))
        told = served(join, join.ref, first, head, f"e{epoch}")
        told += [message(seq) for seq in range(head + 1, head + during + 1)]
        head += during
        for event in talk.tell(*told[:cut]):
            if isinstance(event, Gap):
                assert event.to >= event.start
                covered = 0 if event.reason == "epoch_changed" else event.to
                covered = max(covered, first - 1) if covered == 0 else covered
            elif isinstance(event, Message):
                if anew and event.seq == first and covered != first - 1:
                    covered = first - 1  # nothing was held of the old log: no gap to tell of
                assert event.seq == covered + 1
                covered = event.seq
        talk.lose()
        talk.connect()
        talk.tell(welcome(epoch=f"e{epoch}"))
    assert covered in (head, first - 1)
