"""A browser that is told of the proxy by nothing but its PAC file."""

import socket

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.browser import page_in_chromium
from tests.scenarios.clients import curl
from tests.scenarios.origins import start_nginx, start_node
from tests.scenarios.relays import new_folder, relay, write_certificate
from tests.support.child import free_ports

RELAY = """\
[listener:proxy]
bind = 127.0.0.1:${PROXY}
mode = forward
via = on
connect_ports = ${SECURE}
allow_destination = 127.0.0.0/8
rules = egress
pac = yes
pac_proxy = ${WAYS}
pac_direct = local private .direct.example

[listener:secure]
bind = 127.0.0.1:${SECURE_PROXY}
mode = forward
tls = own
via = on
connect_ports = ${SECURE}
allow_destination = 127.0.0.0/8

[tls:own]
cert = ${FOLDER}/cert.pem
key = ${FOLDER}/key.pem

[listener:socks]
bind = 127.0.0.1:${SOCKS}
mode = socks5
connect_ports = any
allow_destination = 127.0.0.0/8

[rules:egress]
rule =
    deny domain blocked.example
    allow all

[dns]
hosts = ${HOSTS}
"""
NGINX = """
    server {
        listen 127.0.0.1:%s ssl;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        location / { return 200 "secret\\n"; }
    }
"""
HOSTS = "127.0.0.1 site.example www.direct.example\n"


class PacTests(SynchronousTestCase):
    """Chromium goes where the file says. Only relay knows the names, except those that are reached directly."""

    def setUp(self) -> None:
        """An origin that says what it sees, one with https, and the proxy between."""
        self.folder = new_folder(self)
        write_certificate(self.folder, "site.example")
        (self.folder / "hosts").write_text(HOSTS)
        self.proxy, self.secure, self.secure_proxy, self.socks = map(str, free_ports(4))
        start_nginx(self, self.folder, NGINX % self.secure)
        self.node = start_node(self)

    def start(self, ways: str = "") -> None:
        """Start the proxies; the file names these, or the one that offers it."""
        relay(
            self,
            RELAY,
            WAYS=ways or f"127.0.0.1:{self.proxy}",
            PROXY=self.proxy,
            SECURE=self.secure,
            SECURE_PROXY=self.secure_proxy,
            SOCKS=self.socks,
            FOLDER=self.folder,
            HOSTS=self.folder / "hosts",
        )

    def page(self, url: str) -> str:
        """A page as Chromium shows it."""
        return page_in_chromium(
            self.folder,
            url,
            f"--proxy-pac-url=http://127.0.0.1:{self.proxy}/proxy.pac",
            "--host-resolver-rules=MAP www.direct.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--ignore-certificate-errors",
        )

    def test_ways(self) -> None:
        """http and https go through the proxy, and what is direct does not."""
        self.start()
        through = self.page(f"http://site.example:{self.node.place}/echo")
        self.assertIn('"via"', through)
        self.assertIn("secret", self.page(f"https://site.example:{self.secure}/"))
        direct = self.page(f"http://www.direct.example:{self.node.place}/echo")
        self.assertIn('"host"', direct)
        self.assertNotIn('"via"', direct)

    def test_refused(self) -> None:
        """What a rule denies goes to the proxy too, so that people read why they do not see it."""
        self.start()
        page = self.page("http://blocked.example/")
        self.assertIn("<h1>Blocked by the proxy</h1>", page)
        self.assertIn("Denied by a rule of this proxy.", page)

    def test_behind_tls(self) -> None:
        """The way to a proxy may be encrypted."""
        self.start(f"https://127.0.0.1:{self.secure_proxy}")
        self.assertIn('"via"', self.page(f"http://site.example:{self.node.place}/echo"))
        self.assertIn("secret", self.page(f"https://site.example:{self.secure}/"))

    def test_socks(self) -> None:
        """A proxy that speaks SOCKS5 is asked for the name, which only it knows."""
        self.start(f"socks5://127.0.0.1:{self.socks}")
        self.assertIn('"host"', self.page(f"http://site.example:{self.node.place}/echo"))

    def test_next(self) -> None:
        """When the first proxy does not answer, the next one is taken."""
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))  # and nobody listens there
        self.start(f"127.0.0.1:{taken.getsockname()[1]} 127.0.0.1:{self.proxy}")
        self.assertIn('"via"', self.page(f"http://site.example:{self.node.place}/echo"))

    def test_found_by_itself(self) -> None:
        """curl gets the file without being a client of the proxy; other paths are not served."""
        self.start()
        fetched = curl("--include", f"http://127.0.0.1:{self.proxy}/wpad.dat")
        self.assertIn(b"Content-Type: application/x-ns-proxy-autoconfig\r\n", fetched.content)
        self.assertIn(b" 400 ", curl("--include", f"http://127.0.0.1:{self.proxy}/").content.split(b"\r\n")[0])
