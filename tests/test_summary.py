"""What the daemon says of its configuration when it has started."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import load_files
from twisted_relay.config import Config
from twisted_relay.summary import MOST_ITEMS, MOST_LINES, summary, warnings

EVERYTHING = r"""
[listener:web]
bind = 127.0.0.1:0 unix:/run/relay.sock
backend = app
access_log = main

[listener:old]
bind = 127.0.0.1:81
redirect = https

[route:api]
listener = web
host = api.example.org *.example.net
path = /a/* /b ~^/[0-9]+$
method = GET POST
header =
    X-Debug
    Accept: ~json
query = v=1 debug
client = 10.0.0.0/8
backend = app

[route:gone]
path = /gone
respond = 410

[route:moved]
path = /moved
redirect = 301 https://example.org/

[route:rest]
respond = 204
auth = staff

[auth:staff]
users_file = users

[backend:app]
servers =
    http://127.0.0.1:3001
    second https://127.0.0.1:3002 weight=3 backup
check = GET /health
check_interval = 500ms
tls_verify = off

[backend:plain]
servers = unix:/run/app.sock
check = tcp
eject_after = off
eject_outliers = on
breaker = 50% errors in 10s

[backend:found]
discover = dns+srv://_http._tcp.api.internal every=10s max=5
eject_after = off

[backend:both]
servers = http://127.0.0.1:3003
discover = dns+a://api.internal:80
eject_after = off

[log:main]
to = stderr
format = json
"""

USERS = "alice:$2y$12$WYZ89ebzVMj63Y/RU4nhaOZ/7IkydYsZgMfgeI.90fclS9Lh8t9dK\n"

LINES = [
    "listener web: 127.0.0.1:8080, unix:/run/relay.sock; no TLS; otherwise → backend app; access log main",
    "listener old: 127.0.0.1:81; no TLS; otherwise redirect 308 to https://{host}{uri}",
    "route 1: api: listener web; host api.example.org, *.example.net; path /a/*, /b, ~^/[0-9]+$; method GET, POST; "
    "header x-debug, accept: ~json; query v=1, debug; client 10.0.0.0/8 → backend app",
    "route 2: gone: path /gone → respond 410",
    "route 3: moved: path /moved → redirect 301 to https://example.org/",
    "route 4: rest: every request → users of [auth:staff] → respond 204",
    "backend app: round-robin over 127.0.0.1:3001, second https://127.0.0.1:3002 weight=3 backup; "
    "check GET /health every 0.5s; ejected after 5 errors in 10s",
    "backend plain: round-robin over unix:/run/app.sock; check tcp every 5s; "
    "ejected 1.9 standard deviations below the others; breaker opens at 50% errors in 10s",
    "backend found: round-robin over what is found at dns+srv://_http._tcp.api.internal every 10s",
    "backend both: round-robin over 127.0.0.1:3003 and what is found at dns+a://api.internal:80 every 30s",
    "log main: json to stderr",
    "admin: 127.0.0.1:9180: /metrics /-/healthy /-/ready",
]


class SummaryTests(SynchronousTestCase):
    """`summary.py`."""

    def load(self, text: str) -> Config:
        """The configuration that a file with this text makes."""
        loaded = load_files(self.mktemp(), {"relay.ini": text, "users": USERS})
        assert loaded.config is not None, loaded.diagnostics
        return loaded.config

    def test_everything(self) -> None:
        """Listeners with what was bound, routes in order with conditions and destination, backends, logs, admin."""
        bound = {"web": ["127.0.0.1:8080", "unix:/run/relay.sock"]}
        self.assertEqual(summary(self.load(EVERYTHING), bound, ["127.0.0.1:9180"]), LINES)

    def test_without_admin(self) -> None:
        """Where there is no private listener nothing is said of it."""
        self.assertEqual(summary(self.load(EVERYTHING), {}, [])[-1], "log main: json to stderr")

    def test_control(self) -> None:
        """The socket for control is named last."""
        said = summary(self.load(EVERYTHING), {}, [], ["unix:/run/relay/admin.sock"])
        self.assertEqual(said[-1], "control: unix:/run/relay/admin.sock")

    def test_many(self) -> None:
        """A thousand routes, or servers, do not make a thousand lines or words."""
        hosts = " ".join(f"h{number}.example.org" for number in range(MOST_ITEMS + 2))
        routes = "".join(f"[route:r{number}]\npath = /{number}\nrespond = 204\n" for number in range(MOST_LINES + 3))
        text = f"[listener:web]\nbind = 127.0.0.1:80\n[route:first]\nhost = {hosts}\nrespond = 204\n{routes}"
        lines = summary(self.load(text), {}, [])
        self.assertEqual(len(lines), 1 + MOST_LINES + 1)
        self.assertIn("and 2 more → respond 204", lines[1])
        self.assertEqual(lines[-1], "and 4 more routes")

    def test_warnings(self) -> None:
        """A backend whose servers are not verified is warned of; without https there is nothing to verify."""
        config = self.load(EVERYTHING)
        self.assertEqual(
            warnings(config),
            ["backend app: tls_verify = off: anyone on the way to its servers can read and change what is sent"],
        )
        self.assertEqual(warnings(self.load(EVERYTHING.replace("second https:", "second http:"))), [])

    def test_socks_proxies(self) -> None:
        """What clients must speak is said."""
        text = "[listener:a]\nbind = :1080\nmode = socks5\nopen = yes\n"
        config = self.load(text)
        self.assertEqual(summary(config, {}, ()), ["listener a: :1080; no TLS; SOCKS5 proxy without rules"])
        self.assertIn("listener a: open = yes", warnings(config)[0])

    def test_forward_proxies(self) -> None:
        """It is said which rules they have; one that is open to everybody is warned of."""
        text = "[listener:a]\nbind = :3128\nmode = forward\nopen = yes\n[listener:b]\nbind = :3129\nmode = forward\n"
        text += "pac = yes\n"
        config = self.load(text + "rules = egress\n[rules:egress]\nrule =\n    deny port 25\n    allow all\n")
        self.assertEqual(
            summary(config, {}, ()),
            [
                "listener a: :3128; no TLS; forward proxy without rules",
                "listener b: :3129; no TLS; forward proxy with [rules:egress]; PAC file at /proxy.pac",
            ],
        )
        self.assertEqual(warnings(config), ["listener a: open = yes: everybody who reaches it can use it as a proxy"])

    def test_bandwidth_and_accounting(self) -> None:
        """How fast clients may be, and what is counted of them."""
        text = (
            "[listener:a]\nbind = 127.0.0.1:3128\nmode = forward\nbandwidth = 80Mbit/s\nbandwidth_per_client = 2MB/s\n"
        )
        more = "[accounting]\ntop = 50\nof = users clients\n[admin]\nbind = unix:/run/relay/admin.sock\n"
        config = self.load(text + more)
        self.assertEqual(
            summary(config, {}, ()),
            [
                "listener a: 127.0.0.1:3128; no TLS; forward proxy without rules; at most 10MB/s; "
                "at most 2MB/s per client",
                "accounting: the 50 largest users and clients",
            ],
        )

    def test_parents(self) -> None:
        """Who the proxies of a parent are, how they are watched, what for, and who goes through it."""
        config = self.load(
            "[listener:a]\nbind = 127.0.0.1:3128\nmode = forward\nparent = hq\n"
            "[parent:hq]\nservers =\n    p1 https://p.example:3129 weight=2\n    socks5://10.0.0.9:1080 backup\n"
            "check = connect www.example:443\nfor = .hq.example a.example\ndirect = yes\neject_after = off\n"
            "tls_verify = off\n"
        )
        self.assertEqual(
            summary(config, {}, ()),
            [
                "listener a: 127.0.0.1:3128; no TLS; forward proxy without rules; through parent hq",
                "parent hq: round-robin over p1 https://p.example:3129 weight=2, socks5://10.0.0.9:1080 backup; "
                "check connect www.example:443 every 5s; for .hq.example, a.example; otherwise straight",
            ],
        )
        told = ["parent hq: tls_verify = off: anyone on the way to its servers can read and change what is sent"]
        self.assertEqual(warnings(config), told)
