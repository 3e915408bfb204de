"""The relay of a scenario: its configuration stands in the test, and the places in it come from the environment."""

import os
import tempfile
from pathlib import Path

import trustme
from twisted.trial.unittest import SynchronousTestCase

from tests.support.child import Child, start_relay


def relay(case: SynchronousTestCase, configuration: str, **places: str | os.PathLike[str]) -> Child:
    """Start relay with `${NAME}` in its configuration standing for these ports and paths."""
    return start_relay(case, configuration, {**os.environ, **{name: str(place) for name, place in places.items()}})


def new_folder(case: SynchronousTestCase) -> Path:
    """An empty folder that goes with the test, and whose path is short enough for UNIX sockets."""
    folder = tempfile.TemporaryDirectory(prefix="relay-")
    case.addCleanup(folder.cleanup)
    return Path(folder.name)


def write_certificate(folder: Path, host: str) -> None:
    """Write `cert.pem` and `key.pem` for a host, and `ca.pem`, the authority that has issued them."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued = authority.issue_cert(host)
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "key.pem").chmod(0o600)
