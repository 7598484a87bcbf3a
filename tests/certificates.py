"""A certificate authority for the tests, and the files that it gives out."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path
from typing import NamedTuple

import trustme


class Files(NamedTuple):
    """A server's certificate and key, and the authority to be trusted for it."""

    certificate: Path
    key: Path
    ca: Path

    @property
    def flags(self) -> tuple[str, ...]:
        """For `netchat serve`, on a free port of loopback."""
        files = ("--tls-cert", str(self.certificate), "--tls-key", str(self.key))
        return ("--tls-listen", "127.0.0.1:0", *files)


@cache
def authority(which: int = 0) -> trustme.CA:
    """One of several that do not know of each other; making one takes a moment."""
    return trustme.CA()


def write_files(folder: Path, *names: str, which: int = 0) -> Files:
    """Certificate and key for these names, or for this machine's own."""
    files = Files(folder / "cert.pem", folder / "key.pem", folder / "ca.pem")
    issued = authority(which).issue_cert(*(names or ("localhost", "127.0.0.1")))
    files.key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(files.key)
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(files.certificate, append=number > 0)
    authority(which).cert_pem.write_to_path(files.ca)
    return files


def client_side(files: Files) -> ssl.SSLContext:
    """A client's context that knows nothing of netchat's own."""
    return ssl.create_default_context(cafile=files.ca)
