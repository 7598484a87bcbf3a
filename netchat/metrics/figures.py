"""The figures of one line, as SIGUSR1 and the stop log them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netchat.server import Server


def figures(server: Server) -> dict[str, float]:
    """Counters; times in milliseconds, since the last report."""
    lag, hub = server.reactor.lag, server.hub
    return {
        "connections": server.door.census.total,
        "refused_connections": server.porter.turned_away.total(),
        **{f"turned_away_{why}": count for why, count in server.porter.turned_away.items()},
        **{f"refused_{code}": count for code, count in hub.refusals.counts.items()},
        "accounts": len(hub.people.book.owners),
        "auth_busy": hub.hashing.refused,
        "logins_failed": hub.accounts.failures,
        "accepted": hub.accepted,
        "delivered": server.delivery.delivered,
        "ticks": lag.reported,
        "lag_p50_ms": round(lag.percentile(50) * 1e3, 3),
        "lag_p99_ms": round(lag.percentile(99) * 1e3, 3),
        "lag_max_ms": round(lag.max * 1e3, 3),
        "errors": server.reactor.errors,
        **server.gate.figures(),
    }
