"""The server's certificate and key, from their files, checked before anything uses them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netchat.config import Tls
from netchat.errors import ConfigError
from netchat.private import check_private

if TYPE_CHECKING:
    import ssl


def load_certificate(tls: Tls) -> ssl.SSLContext | None:
    """What the settings name; None where they name nothing.

    Everything is read and checked before it counts, so a caller who keeps what he has when
    this fails is never left with half of it. Raises StartError with one sentence.
    """
    if tls.cert is None and tls.key is None:
        return None
    if tls.cert is None or tls.key is None:
        raise ConfigError("tls.cert and tls.key belong together: give both")
    cert, key = Path(tls.cert).expanduser(), Path(tls.key).expanduser()
    from netchat.net.tls import server_context

    for setting, path in (("tls.cert", cert), ("tls.key", key)):
        try:
            path.read_bytes()
        except OSError as exc:
            raise ConfigError(f"{setting}: {path}: {exc.strerror or exc}") from None
    check_private(key)
    try:
        return server_context(cert, key)
    except OSError as exc:  # an ssl.SSLError is one
        reason = getattr(exc, "reason", None) or exc.strerror or str(exc)
        raise ConfigError(
            f"tls.cert and tls.key: {cert} and {key} are no certificate with its key: {reason}"
        ) from None
