from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netchat.chat import requests
from netchat.chat.events import Event, Gap, Message
from netchat.chat.requests import Join

from .support import Conversation, joined, message, welcome


def served(join: Join, head: int, epoch: str) -> list[Event]:
    """What a server with this log answers to a join (the protocol, promise 4)."""
    told: list[Event] = [joined(join.ref, head=head, epoch=epoch)]
    after = join.after or 0
    if (join.epoch or epoch) != epoch or after > head:
        if after:
            told.append(Gap(room="lobby", start=1, to=after, reason="epoch_changed", epoch=epoch))
        after = 0
    return told + [message(seq, epoch) for seq in range(after + 1, head + 1)]


# One connection: how many messages are written before it and while it stands, after how many
# events it is cut, and whether the log begins anew before it.
lives = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 12), st.booleans()),
    max_size=8,
)


@given(lives)
def test_every_message_comes_once_and_in_order_however_often_it_is_cut(
    lives: list[tuple[int, int, int, bool]],
) -> None:
    talk = Conversation()
    talk.connect()
    talk.tell(welcome(epoch="e0"))
    talk.machine.ask(Join(room="lobby", after=0))
    epoch, head = 0, 0
    seqs: dict[str, list[int]] = {}
    for before, during, cut, anew in [*lives, (0, 0, 99, False)]:
        if anew:
            epoch, head = epoch + 1, 0
        join = next(r for r in talk.sent() if isinstance(r, requests.Join))
        told = served(join, head + before, f"e{epoch}")
        head += before + during
        told += [message(seq, f"e{epoch}") for seq in range(head - during + 1, head + 1)]
        for event in talk.tell(*told[:cut]):
            if isinstance(event, Message):
                seqs.setdefault(event.text, []).append(event.seq)
        talk.lose()
        talk.connect()
        talk.tell(welcome(epoch=f"e{epoch}"))
    for found in seqs.values():
        assert found == list(range(1, len(found) + 1))
    assert len(seqs.get(f"e{epoch}", [])) == head
