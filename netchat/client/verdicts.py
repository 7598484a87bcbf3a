"""Verdicts: rights and acts as lines for a person. Pure, but for the local time zone; a part of
`render`, by whose rules everything that others control goes through `harmless`."""

from __future__ import annotations

import time

from netchat.chat.events import ActInfo, ActPage, ActTold, Done, Invited, Left, Rights
from netchat.client.harmless import harmless
from netchat.client.notices import News

DONE = {
    "kick": "was kicked",
    "ban": "was banned",
    "mute": "was muted",
    "unban": "is no longer banned, thanks to",
    "unmute": "is no longer muted, thanks to",
}


def local_date(ms: int) -> str:
    """YYYY-MM-DD HH:MM, on the local clock."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(ms / 1_000))
    except (ValueError, OverflowError, OSError):
        return "--"


def verdict_lines(news: News) -> list[str]:
    """What follows the star; none for what is told elsewhere."""
    match news:
        case Left(by=str(by)):
            return [f"you were put out of {_room(news.room)} by {harmless(by)}{_why(news.reason)}"]
        case Left():
            return [f"you have left {_room(news.room)}"]
        case Invited():
            room = harmless(news.room)
            return [f"{harmless(news.by)} invites you to #{room}; /join {room} takes you there"]
        case Done():
            return [f"done (no. {news.act})"]
        case ActTold():
            done = DONE.get(news.what, harmless(news.what))
            by = harmless(news.by) if "thanks" in done else f"by {harmless(news.by)}"
            who = harmless(news.user)
            until = _until(news.until)
            return [f"{_room(news.room)}: {who} {done} {by}{until}{_why(news.reason)}"]
        case Rights():
            return [_rights(news)]
        case ActPage():
            rows = [_act(act) for act in news.acts]
            return ["\n".join(["acts:", *rows]) if rows else "no acts"]
    return []


def _rights(rights: Rights) -> str:
    facts = ["private" if rights.private else "public"]
    if rights.slow:
        facts.append(f"a message of each in {rights.slow} s")
    if rights.owner is not None:
        facts.append(f"owner {harmless(rights.owner)}")
    if rights.moderators:
        facts.append(f"moderators {', '.join(map(harmless, rights.moderators))}")
    if rights.members:
        more = "" if rights.complete else " and more"
        facts.append(f"members {', '.join(map(harmless, rights.members))}{more}")
    if rights.role is not None:
        facts.append(f"you are {harmless(rights.role)}")
    if rights.topic:
        facts.append(f"topic: {harmless(rights.topic)}")
    return f"{_room(rights.room)}: {'; '.join(facts)}"


def _act(act: ActInfo) -> str:
    whom = f" {harmless(act.kind)} {harmless(act.whom)}" * (act.whom != "" and act.kind != "room")
    detail = f" {harmless(act.detail)}" if act.detail else ""
    ended = f" (undone by {harmless(act.undone_by)})" if act.undone_by is not None else ""
    over = " (over)" if act.what in ("ban", "mute") and not act.active and not ended else ""
    what = f"{harmless(act.by)}: {harmless(act.what)}{whom}{detail}{_until(act.until)}"
    return f"{act.act:>5}  {local_date(act.at)}  {what}{_why(act.reason)}{ended}{over}"


def _until(until: int | None) -> str:
    return f" until {local_date(until)}" if until is not None else ""


def _why(reason: str) -> str:
    return f": {harmless(reason)}" if reason else ""


def _room(room: str) -> str:
    return f"#{harmless(room)}"
