"""Trust: whose certificate a client takes for the server's, at netchats:// addresses."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

WARNING = """\
netchat: WARNING: --insecure: nobody checks that this is the server.
netchat: WARNING: Whoever stands between can read and change everything.
"""

OVERHEARD = "WARNING: not encrypted: the network can read your password. Use netchats://"
"""Said before a password leaves without TLS for another machine."""


@dataclass(frozen=True)
class Trust:
    """The authorities of the system, or only those in the file `ca` (PEM); and only for the host
    of the address. `insecure`: anybody, for tests."""

    ca: Path | None = None
    insecure: bool = False

    def context(self) -> ssl.SSLContext:
        """For a connector. Raises ValueError with a sentence for an unusable file."""
        from netchat.net.tls import client_context

        try:
            return client_context(self.ca, insecure=self.insecure)
        except OSError as exc:  # an ssl.SSLError is one
            reason = getattr(exc, "reason", None) or exc.strerror or exc
            raise ValueError(f"{self.ca} is no file of certificates in PEM: {reason}.") from None


SYSTEM = Trust()


def trust_as_told(args: argparse.Namespace) -> Trust:
    """What the flags say; not to check anything is said loudly."""
    if args.insecure:
        sys.stderr.write(WARNING)
    return Trust(ca=args.ca, insecure=args.insecure)
