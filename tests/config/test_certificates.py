"""Reading certificates and keys."""

import os
from datetime import UTC, datetime
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config import certificates
from twisted_relay.config.words import BadValue


class CertificateTests(SynchronousTestCase):
    """What is read, and what is said of the rest."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.issued = trustme.CA().issue_cert("a.example")
        self.key = self.folder / "key.pem"
        self.issued.private_key_pem.write_to_path(str(self.key))
        self.cert = self.folder / "cert.pem"
        self.cert.write_bytes(b"".join(blob.bytes() for blob in self.issued.cert_chain_pems))

    def test_belong_together(self) -> None:
        """Key and certificate have the same public part."""
        (certificate, *_) = certificates.read_certificates(str(self.cert))
        self.assertEqual(certificates.public_part(certificate), certificates.read_key(str(self.key)))

    def test_encrypted_key(self) -> None:
        """There is nobody to ask for its password."""
        key = load_pem_private_key(self.key.read_bytes(), None)
        self.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
        with self.assertRaises(BadValue) as caught:
            certificates.read_key(str(self.key))
        self.assertIn("is encrypted", str(caught.exception))

    def test_validity(self) -> None:
        """Before, within, after."""
        certificate = certificates.read_certificates(str(self.cert))[0]
        self.assertEqual(certificates.validity_problem(certificate, certificates.now()), "")
        self.assertIn("expired on", certificates.validity_problem(certificate, datetime(4000, 1, 1, tzinfo=UTC)))
        self.assertIn("only from", certificates.validity_problem(certificate, datetime(1999, 1, 1, tzinfo=UTC)))

    def test_readable_by_all(self) -> None:
        """Whatever its owner and group may."""
        for mode, readable in ((0o600, False), (0o640, False), (0o644, True)):
            os.chmod(self.key, mode)
            self.assertIs(certificates.is_readable_by_all(str(self.key)), readable)

    def test_what_is_no_file(self) -> None:
        """A pipe would wait for ever, so it is not opened."""
        os.mkfifo(self.folder / "pipe")
        for name in ("pipe", ".", "missing", "a\x00b"):
            with self.assertRaises(BadValue):
                certificates.read_bounded(os.path.join(self.folder, name), 10)
