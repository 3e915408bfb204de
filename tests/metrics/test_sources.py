"""What metrics are read from beside counters."""

from pathlib import Path

import trustme
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay import __version__
from twisted_relay.config.certificates import read_certificates
from twisted_relay.config.tree import TLSOptions
from twisted_relay.metrics.sources import build_labels, certificate_ends


class SourcesTests(SynchronousTestCase):
    """`metrics/sources.py`."""

    def test_build_labels(self) -> None:
        """relay, Python, Twisted and OpenSSL, as numbers."""
        labels = build_labels()
        self.assertEqual(labels[0], __version__)
        for version in labels[1:]:
            self.assertRegex(version, r"\A\d+\.\d+")

    def test_certificate_ends(self) -> None:
        """The end of a section's certificate is that of the first one in its file, the server's own."""
        path = Path(self.mktemp())
        issued = trustme.CA().issue_cert("example.org")
        for pem in issued.cert_chain_pems:
            pem.write_to_path(path, append=True)
        ends = certificate_ends({"site": TLSOptions(name="site", cert=str(path), key=str(path))})
        self.assertEqual(ends, {"site": read_certificates(str(path))[0].not_valid_after_utc.timestamp()})
