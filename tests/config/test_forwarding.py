"""Listeners of `mode = forward`."""

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import load_files, places
from twisted_relay.config.forwarding import CHANGES, ONLY_HTTP
from twisted_relay.config.sections.listener import ListenerOptions

FORWARD = "[listener:proxy]\nbind = 127.0.0.1:3128\nmode = forward\n"
SOCKS = "[listener:proxy]\nbind = 127.0.0.1:1080\nmode = socks5\n"
GATEWAY = "[listener:web]\nbind = :80\nbackend = app\n"
BACKEND = "[backend:app]\nservers = http://10.0.0.1\n"


class ForwardTests(SynchronousTestCase):
    """What fits together."""

    def load(self, text: str) -> list[str]:
        """The diagnostics of a file."""
        folder = self.mktemp()
        os.mkdir(folder)
        return places(load_files(folder, {"relay.ini": text}))

    def test_alone(self) -> None:
        """A forward proxy needs nothing else."""
        self.assertEqual(self.load(FORWARD), [])
        self.assertEqual(self.load(FORWARD + "connect_ports = 443 8443\nvia = on\nforwarded = off\n"), [])

    def test_gateways_options(self) -> None:
        """It has no backend, redirect or trusted proxies, and routes do not name it."""
        self.assertEqual(self.load(FORWARD + "backend = app\n" + BACKEND), ["4:1: error[no-effect]"])
        self.assertEqual(self.load(FORWARD + "redirect = https\n"), ["4:1: error[no-effect]"])
        self.assertEqual(self.load(FORWARD + "trusted_proxies = 10.0.0.1\n"), ["4:1: error[no-effect]"])
        route = "[route:a]\nlistener = proxy\nrespond = 200\n"
        self.assertEqual(self.load(FORWARD + route), ["5:12: error[no-routes]"])

    def test_forward_options(self) -> None:
        """A gateway has no tunnels of CONNECT."""
        text = GATEWAY + "connect_ports = 443\ntunnel_max_age = 1h\n" + BACKEND
        self.assertEqual(self.load(text), ["4:1: warning[no-effect]", "5:1: warning[no-effect]"])

    def test_socks(self) -> None:
        """What holds for forward proxies holds for those that speak SOCKS5; what belongs to HTTP does nothing."""
        self.assertEqual(self.load(SOCKS), [])
        self.assertEqual(self.load(SOCKS + "connect_ports = any\nidle_timeout = 5s\nhalf_close = serve\n"), [])
        self.assertEqual(self.load(SOCKS + "backend = app\n" + BACKEND), ["4:1: error[no-effect]"])
        route = "[route:a]\nlistener = proxy\nrespond = 200\n"
        self.assertEqual(self.load(SOCKS + route), ["5:12: error[no-routes]"])
        public = SOCKS.replace("127.0.0.1", "192.0.2.1")
        self.assertEqual(self.load(public), ["2:8: error[open-proxy]"])
        self.assertEqual(self.load(public + "open = yes\n"), [])
        values = {"via": "on", "forwarded": "on", "body_timeout": "5s", "response_timeout": "5s"}
        values |= {"pac": "on", "pac_proxy": "a:1", "pac_direct": "off", "block_page": "blocked.html"}
        values |= dict.fromkeys(CHANGES, "X-A: b") | {key: "X-A" for key in CHANGES if key.startswith("remove")}
        for key in ONLY_HTTP:
            value = values.get(key, "100")
            self.assertEqual(self.load(f"{SOCKS}{key} = {value}\n"), ["4:1: warning[no-effect]"], key)
            self.assertEqual(self.load(f"[defaults:listener]\n{key} = {value}\n{SOCKS}"), [], key)

    def test_bandwidth(self) -> None:
        """Limits are for forward proxies; those of users need users."""
        limits = "bandwidth = 10MB/s\nbandwidth_per_client = 8Mbit/s\n"
        for proxy in (FORWARD, SOCKS):
            self.assertEqual(self.load(proxy + limits), [])
            self.assertEqual(self.load(proxy + "bandwidth_per_user = 1MB/s\n"), ["4:1: warning[no-effect]"])
        self.assertEqual(self.load(GATEWAY + "bandwidth = 10MB/s\n" + BACKEND), ["4:1: warning[no-effect]"])
        self.assertEqual(self.load(FORWARD + "bandwidth = 10M\n"), ["4:13: error[bad-value]"])

    def test_effective_ports(self) -> None:
        """Without `connect_ports` CONNECT reaches 443, and SOCKS5, where plain HTTP is a tunnel too, 80 and 443."""
        for mode, reached in (("forward", [443]), ("socks5", [80, 443])):
            options = ListenerOptions(mode=mode)
            self.assertEqual([port for port in (22, 80, 443, 8080) if options.may_connect(port)], reached)

    def test_peek(self) -> None:
        """What belongs to looking into tunnels does nothing without it, and nothing in a gateway."""
        options = (
            "peek_ports = 443 8443\npeek_timeout = 2s\nsni_mismatch = refuse\nsni_missing = allow\nnot_tls = refuse\n"
        )
        self.assertEqual(self.load(FORWARD + "peek = sni\n" + options), [])
        nothing = [f"{line}:1: warning[no-effect]" for line in range(4, 10)]
        self.assertEqual(self.load(FORWARD + options), nothing[:5])
        self.assertEqual(self.load(FORWARD + "peek = off\n" + options), nothing[1:])
        self.assertEqual(self.load(GATEWAY + "peek = sni\n" + options + BACKEND), nothing)
        self.assertEqual(self.load(FORWARD + "peek = sni\nconnect_ports = 8443\n"), ["4:1: warning[no-effect]"])
        ports = "peek_ports = 444-8442 8444\nconnect_ports = 443 8443\npeek = sni\n"
        self.assertEqual(self.load(FORWARD + ports), ["4:1: warning[no-effect]"])
        self.assertEqual(self.load(FORWARD + ports.replace("8442", "8443")), [])
        self.assertEqual(self.load(SOCKS + "peek = sni\n"), [])
        for wrong in ("peek = yes", "peek = sni\nsni_mismatch = deny", "peek = sni\npeek_timeout = 0s"):
            self.assertEqual(len(self.load(FORWARD + wrong + "\n")), 1, wrong)

    def test_ports(self) -> None:
        """Ports are numbers that exist."""
        self.assertEqual(self.load(FORWARD + "connect_ports = 443 8000-8999 any\n"), [])
        self.assertEqual(
            self.load(FORWARD + "connect_ports = 9-8 1- all\n"), [f"4:{n}: error[bad-value]" for n in (17, 21, 24)]
        )
        self.assertEqual(
            self.load(FORWARD + "connect_ports = 443 0 65536 x\n"), [f"4:{n}: error[bad-value]" for n in (21, 23, 29)]
        )

    def test_exceptions(self) -> None:
        """Exceptions from the guard belong to forward proxies, are read word by word, and should not be for all."""
        self.assertEqual(self.load(FORWARD + "allow_destination = 10.0.0.0/8 .inner.example\n"), [])
        self.assertEqual(
            self.load(FORWARD + "allow_destination =\n    10.0.0.0/8\n    10.1\n"), ["6:5: error[bad-value]"]
        )
        self.assertEqual(
            self.load(FORWARD + "allow_destination = 10.0.0.0/8 0.0.0.0/0 ::/0\n"),
            ["4:32: warning[no-guard]", "4:42: warning[no-guard]"],
        )
        self.assertEqual(self.load(GATEWAY + "allow_destination = 10.0.0.0/8\n" + BACKEND), ["4:1: warning[no-effect]"])

    def test_pac(self) -> None:
        """Options of a PAC file need one, and it has a size that browsers can bear."""
        self.assertEqual(self.load(FORWARD + "pac = yes\npac_proxy = a:1\npac_direct = local .b\n"), [])
        self.assertEqual(
            self.load(FORWARD + "pac_proxy = a:1\npac_direct = off\n"), [f"{n}:1: warning[no-effect]" for n in (4, 5)]
        )
        many = "".join(f"\n    {number}.example" for number in range(1990))
        self.assertEqual(self.load(FORWARD + f"pac = yes\npac_direct = local private{many}\n"), [])
        allowed = "allow_destination = " + " ".join(f"10.0.0.{number}" for number in range(20))
        self.assertEqual(
            self.load(FORWARD + f"pac = yes\n{allowed}\npac_direct = local private{many}\n"), ["4:1: error[large-pac]"]
        )
        self.assertEqual(self.load(GATEWAY + "pac = yes\n" + BACKEND), ["4:1: warning[no-effect]"])

    def test_fields(self) -> None:
        """Fields are set as on routes; what belongs to the connection, or to framing, cannot be."""
        self.assertEqual(self.load(FORWARD + "remove_request_header = Referer X-Debug\n"), [])
        self.assertEqual(self.load(FORWARD + "set_request_header = User-Agent: x\nadd_response_header = Vary: y\n"), [])
        for line in ("Content-Length: 5", "Transfer-Encoding: chunked", "Connection: x", "TE: trailers", "Host: a"):
            self.assertEqual(self.load(FORWARD + f"set_request_header = {line}\n"), ["4:22: error[bad-value]"], line)
        for line in ("Proxy-Authorization: Basic ${X:-y}", "proxy-authenticate: Basic", "Proxy-Connection: close"):
            for key in ("set_request_header", "add_request_header", "set_response_header", "add_response_header"):
                [diagnostic] = self.load(FORWARD + f"{key} =\n    {line}\n")
                self.assertTrue(diagnostic.endswith("error[bad-value]"), diagnostic)
        self.assertEqual(self.load(FORWARD + "set_request_header = Cookie: a\n"), ["4:22: warning[inline-secret]"])
        self.assertEqual(
            self.load(GATEWAY + "remove_request_header = Referer\n" + BACKEND), ["4:1: warning[no-effect]"]
        )

    def test_block_page(self) -> None:
        """The file of a page must be there, and its placeholders must exist."""
        folder = self.mktemp()
        os.mkdir(folder)
        files = {"relay.ini": FORWARD + "block_page = blocked.html\n", "blocked.html": "<p>{host}"}
        self.assertEqual(places(load_files(folder, files)), [])
        loaded = load_files(folder, {**files, "blocked.html": "<p>\n{hots}"})
        self.assertEqual(places(loaded), ["4:14: error[bad-file]"])
        self.assertIn("line 2 of", loaded.diagnostics[0].message)
        self.assertEqual(self.load(FORWARD + "block_page = missing.html\n"), ["4:14: error[bad-file]"])
