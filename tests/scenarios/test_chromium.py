"""A browser through the forward proxy: headless Chromium, whose page needs https, http and a WebSocket."""

import base64
import hashlib
import os
import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.origins import ATTENDED, content
from tests.scenarios.outside import Outside
from tests.scenarios.relays import relay
from tests.support.child import free_ports

RELAY = """\
[listener:proxy]
bind = 127.0.0.1:${PROXY}
mode = forward
connect_ports = ${SECURE} ${PLAIN}
allow_destination = .office.test:${SECURE},${PLAIN}
rules = egress

[rules:egress]
# what a browser does of its own accord stays inside
rule =
    allow domain .office.test
    deny all

[dns]
hosts = ${HOSTS}
"""
CONTENT = hashlib.sha256(content(3000000)).hexdigest()
#: The page is loaded when its image has come, or not; that is held until the script has done everything.
PAGE = """\
<!doctype html><title>outside</title><p id="found">nothing</p><img src="/node/hold">
<script>
const found = [];
const socket = new WebSocket("%(live)s");
const echoed = new Promise((resolve) => {
  socket.onopen = () => socket.send("over a WebSocket");
  socket.onmessage = (message) => resolve(message.data);
  socket.onerror = () => resolve("no WebSocket");
});
async function look() {
  found.push(await (await fetch("/node/name")).text());
  const content = new Uint8Array(await (await fetch("/node/chunks/3000000")).arrayBuffer());
  found.push(content.length);
  if (window.isSecureContext) {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
    found.push(Array.from(hash, (octet) => octet.toString(16).padStart(2, "0")).join(""));
  }
  found.push(await echoed);
  try { await fetch("https://elsewhere.test:%(port)s/"); } catch (error) { found.push("refused"); }
}
look().catch((error) => found.push(String(error))).finally(() => {
  document.getElementById("found").textContent = found.join(" | ");
  fetch("/node/release");
});
</script>
"""


def show(folder: Path, certificate: Path, *arguments: str) -> str:
    """The page that Chromium has after it was loaded; it believes this one certificate."""
    done = subprocess.run(
        [
            *(*ATTENDED, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={folder / 'profile'}", "--dump-dom"),
            *(f"--ignore-certificate-errors-spki-list={fingerprint(certificate)}", *arguments),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout or done.stderr


def fingerprint(certificate: Path) -> str:
    """The hash of a certificate's key, as Chromium wants it."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return base64.b64encode(
        hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    ).decode()


class ChromiumTests(SynchronousTestCase):
    """The page finds all that it looks for."""

    def setUp(self) -> None:
        """The sites, and the proxy."""
        self.outside = Outside(self)
        [self.port] = map(str, free_ports(1))
        relay(
            self,
            RELAY,
            PROXY=self.port,
            SECURE=self.outside.secure,
            PLAIN=self.outside.plain,
            HOSTS=self.outside.hosts,
        )

    def visit(self, url: str, live: str) -> str:
        """What the page at a URL has found, when it opens its WebSocket at another."""
        page = self.outside.file("www", "index.html")
        page.write_text(PAGE % {"live": live, "port": self.outside.secure})
        proxy = f"--proxy-server=http://127.0.0.1:{self.port}"
        return show(self.outside.folder, self.outside.folder / "cert.pem", proxy, url)

    def test_https(self) -> None:
        """Everything over tunnels; a site that the rules refuse is an error for the script."""
        live = self.outside.url("www", "live").replace("https", "wss", 1)
        page = self.visit(self.outside.url("www"), live)
        self.assertIn(f"node\n | 3000000 | {CONTENT} | over a WebSocket | refused", page)

    def test_http(self) -> None:
        """Without a tunnel, but for the WebSocket: Chromium opens one for that of http too."""
        site = f"//www.office.test:{self.outside.plain}/"
        page = self.visit(f"http:{site}", f"ws:{site}live")
        self.assertIn("node\n | 3000000 | over a WebSocket | refused", page)
