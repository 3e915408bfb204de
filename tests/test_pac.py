"""PAC files: what they say, as an engine for JavaScript understands them."""

import contextlib
import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from random import Random
from typing import TypedDict

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import parse
from tests.support.pac import way_to_hosts, ways
from twisted_relay.config.browsers import PAC_DIRECT, PAC_PROXIES
from twisted_relay.config.destinations import DESTINATIONS
from twisted_relay.config.tree import ListenerOptions
from twisted_relay.config.values import Address, AllowedDestination, PacDirect, UnixAddress
from twisted_relay.pac import LOCAL, PRIVATE, PacScript, own_address

OWN = Address("proxy.example", 3128)
PROXY = "PROXY proxy.example:3128"
DIRECT = "DIRECT"


class Given(TypedDict, total=False):
    """Options as they stand in a file."""

    direct: str
    proxies: str
    exceptions: str
    tls: str


def options(given: Given) -> ListenerOptions:
    """The options of a listener."""
    return ListenerOptions(
        name="proxy",
        mode="forward",
        tls=given.get("tls", ""),
        pac=True,
        pac_direct=parse(PAC_DIRECT, given.get("direct", "local private")),
        pac_proxy=parse(PAC_PROXIES, given["proxies"]) if "proxies" in given else (),
        allow_destination=parse(DESTINATIONS, given["exceptions"]) if "exceptions" in given else (),
    )


def script(**given: str) -> str:
    """The file for a listener with these options."""
    return PacScript(options(given)).text(OWN)  # type: ignore[arg-type]


NAMES = ("a.example", "b.a.example", "corp", "x.corp", "localhost", "a.localhost", "wiki", "example", "c.b.a.example")
NETWORKS = (
    *("10.0.0.0/8", "10.128.0.0/9", "10.1.2.3/32", "172.20.0.0/15", "192.168.7.128/25", "198.51.100.0/23", "0.0.0.0/0"),
    *("fd00:1::/32", "fe80::/64", "::1/128", "2001:db8::/61", "::/0", "127.0.0.0/31", "100.64.0.0/11"),
)


def some_destinations(random: Random) -> tuple[AllowedDestination, ...]:
    """Names, some with what is below them, and networks."""
    names = [random.choice(("", ".")) + name for name in random.sample(NAMES, 3)]
    networks = random.sample(NETWORKS, 3)
    return (
        *(AllowedDestination(None, name) for name in names),
        *(AllowedDestination(ip_network(network)) for network in networks),
    )


def some_hosts(random: Random, options: ListenerOptions) -> list[str]:
    """Names around those that are known, and addresses at the ends of networks and beyond them."""
    hosts = [*NAMES, *(f"www.{name}" for name in NAMES), *(f"not{name}" for name in NAMES)]
    for network in (*map(ip_network, NETWORKS), *LOCAL, *PRIVATE):
        first, last = int(network.network_address), int(network.broadcast_address)
        family = type(network.network_address)
        for number in (first - 1, first, random.randint(first, last), last, last + 1):
            with contextlib.suppress(ValueError):
                hosts.append(str(family(number)))
    return hosts


def way(options: ListenerOptions, host: str) -> str:
    """What the options say of a host."""
    try:
        address = ip_address(host)
    except ValueError:
        address = None

    def takes(destinations: Iterable[PacDirect]) -> bool:
        for each in destinations:
            if isinstance(each, AllowedDestination):
                if address is not None and each.network is not None and address in each.network:
                    return True
                if address is None and each.network is None and each.takes_name(host):
                    return True
        return False

    if takes(options.pac_direct):
        return DIRECT
    if takes(options.allow_destination):
        return PROXY
    if address is None:
        is_plain = "." not in host or host.endswith(".localhost")
        return DIRECT if "local" in options.pac_direct and is_plain else PROXY
    inner = (LOCAL if "local" in options.pac_direct else ()) + (PRIVATE if "private" in options.pac_direct else ())
    return DIRECT if any(address in network for network in inner) else PROXY


class WayTests(SynchronousTestCase):
    """Which hosts a browser reaches how."""

    def check(self, given: Given, expected: Mapping[str, str]) -> None:
        """The file for these options sends these hosts there."""
        self.assertEqual(way_to_hosts(PacScript(options(given)).text(OWN), list(expected)), expected)

    def test_by_default(self) -> None:
        """Everything goes to the proxy but this machine, plain names and private addresses."""
        direct = (
            *("localhost", "LOCALHOST", "localhost.", "a.localhost", "printer", "Printer.", "my_host-2", "3com"),
            *("127.0.0.1", "127.255.255.255", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255"),
            *("192.168.0.1", "169.254.1.1", "100.64.0.1", "100.127.255.255"),
            *(
                "::1",
                "[::1]",
                "0:0:0:0:0:0:0:1",
                "fe80::1",
                "fe80::1%eth0",
                "febf::1",
                "fd00::1",
                "FC00::",
                "fdff::1.2.3.4",
            ),
        )
        proxied = (
            *(
                "www.example.org",
                "example.org.",
                "localhost.example.org",
                "notlocalhost.example",
                "a.b",
                "xn--bcher-kva.example",
            ),
            *("9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "8.8.8.8"),
            *("100.63.255.255", "100.128.0.0", "169.253.255.255", "128.0.0.1", "0.0.0.0", "255.255.255.255"),
            *("2001:db8::1", "::", "::2", "fec0::1", "fbff::1", "fe7f::1", "1::", "::ffff:10.0.0.1", "::ffff:a00:1"),
        )
        self.check({}, dict.fromkeys(direct, DIRECT) | dict.fromkeys(proxied, PROXY))

    def test_odd_hosts(self) -> None:
        """What looks like an address and is none goes to the proxy, which says why it does not like it."""
        odd = (
            *("2130706433", "0x7f000001", "0x", "10.0.0.256", "10.0.0", "10.0.0.1.", "1.2.3.4.5", "10.0.0.0001"),
            *(
                ":::",
                "1:2",
                "1:2:3:4:5:6:7:8:9",
                "::1::",
                "g::1",
                "12345::",
                "::1.2.3",
                "fe80:2:3:4:5:6:7::8:9",
                "fe80:2:3:4:5:6:7::8",
                ":1",
                "fd00:",
            ),
            *("", ".", "..", "a..b", "__proto__.x", "constructor.x"),
        )
        expected = dict.fromkeys(odd, PROXY) | {"10.0.0.1.": DIRECT}
        self.check({}, expected)

    def test_names(self) -> None:
        """Names, alone or with all below them."""
        self.check(
            {"direct": ".corp.example wiki.example .inner.wiki.example xn--bcher-kva.example"},
            {
                "corp.example": DIRECT,
                "www.corp.example": DIRECT,
                "a.b.c.Corp.Example.": DIRECT,
                "notcorp.example": PROXY,
                "corp.example.org": PROXY,
                "example": PROXY,
                "wiki.example": DIRECT,
                "www.wiki.example": PROXY,
                "inner.wiki.example": DIRECT,
                "www.inner.wiki.example": DIRECT,
                "xn--bcher-kva.example": DIRECT,
                "printer": PROXY,
                "10.0.0.1": PROXY,
                "localhost": PROXY,
            },
        )

    def test_names_of_javascript(self) -> None:
        """Names that mean something to JavaScript are names like others."""
        names = ("constructor", "__proto__", "hasownproperty", "tostring", "valueof")
        self.check({"direct": "off"}, dict.fromkeys(names, PROXY))
        below = [f"a.{name}" for name in names]
        expected = dict.fromkeys(names, DIRECT) | dict.fromkeys(below, PROXY)
        self.check({"direct": " ".join(names)}, expected)

    def test_networks(self) -> None:
        """Networks, to the bit."""
        self.check(
            {"direct": "198.51.100.128/25 203.0.113.7 2001:db8:0:80::/57 ::/128 192.0.0.0/9"},
            {
                "198.51.100.127": PROXY,
                "198.51.100.128": DIRECT,
                "198.51.100.255": DIRECT,
                "198.51.101.0": PROXY,
                "203.0.113.6": PROXY,
                "203.0.113.7": DIRECT,
                "192.127.255.255": DIRECT,
                "192.128.0.0": PROXY,
                "2001:db8:0:7f:ffff::": PROXY,
                "2001:db8:0:80::": DIRECT,
                "2001:db8:0:ff:ffff:ffff:ffff:ffff": DIRECT,
                "2001:db8:0:100::": PROXY,
                "::": DIRECT,
                "::1": PROXY,
                "a.203.0.113.7": PROXY,
            },
        )
        self.check({"direct": "0.0.0.0/0"}, {"1.2.3.4": DIRECT, "::1": PROXY, "a.example": PROXY})
        self.check({"direct": "::/0"}, {"1.2.3.4": PROXY, "::1": DIRECT})

    def test_exceptions_from_the_guard(self) -> None:
        """What the proxy may reach inside is reached through it, unless the file names it as direct."""
        self.check(
            {
                "direct": "local private 10.20.1.0/24 .far.inner.example",
                "exceptions": "10.20.0.0/16 [fd00:1::/32]:443 wiki .inner.example 127.0.0.1:8080",
            },
            {
                "10.20.0.1": PROXY,
                "10.20.1.1": DIRECT,
                "10.21.0.1": DIRECT,
                "fd00:1::1": PROXY,
                "fd00:2::1": DIRECT,
                "wiki": PROXY,
                "wikis": DIRECT,
                "127.0.0.1": PROXY,
                "127.0.0.2": DIRECT,
                "a.inner.example": PROXY,
                "a.far.inner.example": DIRECT,
            },
        )

    def test_every_exception(self) -> None:
        """Each address and name is sent where the options say, whatever they are: a reading in Python agrees."""
        random = Random(4)
        for _ in range(12):
            chosen = ListenerOptions(
                pac_direct=(*random.sample(("local", "private"), random.randint(0, 2)), *some_destinations(random)),
                allow_destination=some_destinations(random),
            )
            hosts = some_hosts(random, chosen)
            expected = {host: way(chosen, host) for host in hosts}
            self.assertEqual(len(set(expected.values())), 2)
            self.assertEqual(way_to_hosts(PacScript(chosen).text(OWN), hosts), expected, chosen)

    def test_what_need_not_be_there(self) -> None:
        """Of the exceptions from the guard the file has only what would be direct without it."""
        text = script(exceptions=".inner.example 198.51.100.0/24 2001:db8::/32 10.20.0.0/16 wiki 0.0.0.0/0")
        for hidden in ("inner", str(198 * 256 + 51), str(0x2001)):
            self.assertNotIn(hidden, text)
        self.assertIn('".wiki":1', text)
        self.assertIn("[[2580,0],16],[[0,0],0]", text)
        self.assertNotIn("wiki", script(direct="off", exceptions="wiki 10.0.0.0/8"))

    def test_nothing_direct(self) -> None:
        """With `off` everything goes to the proxy."""
        hosts = ("localhost", "printer", "10.0.0.1", "::1", "a.example")
        self.check({"direct": "off"}, dict.fromkeys(hosts, PROXY))

    def test_each_word_alone(self) -> None:
        """`local` and `private` are told apart."""
        self.check({"direct": "local"}, {"printer": DIRECT, "127.0.0.1": DIRECT, "fe80::1": DIRECT, "10.0.0.1": PROXY})
        self.check({"direct": "private"}, {"printer": PROXY, "127.0.0.1": PROXY, "fe80::1": PROXY, "10.0.0.1": DIRECT})

    def test_proxies(self) -> None:
        """The proxies in their order; a listener with TLS is spoken to with TLS."""
        for given, told in (
            ({}, PROXY),
            ({"tls": "www"}, "HTTPS proxy.example:3128"),
            ({"proxies": "a.example:1 b.example:2 direct"}, "PROXY a.example:1; PROXY b.example:2; DIRECT"),
            ({"proxies": "a.example:1 http://b.example:2", "tls": "www"}, "HTTPS a.example:1; PROXY b.example:2"),
            ({"proxies": "https://[2001:DB8::1]:3 socks5://c.example:4"}, "HTTPS [2001:db8::1]:3; SOCKS5 c.example:4"),
        ):
            self.assertEqual(way_to_hosts(script(**given), ["a.example"]), {"a.example": told})

    def test_the_url_does_not_matter(self) -> None:
        """Whatever stands in the URL, the host decides."""
        urls = (
            "https://a.example/",
            "http://u:p@a.example:8080/x?y#z",
            "ws://a.example/",
            "ftp://a.example/'\"</script>",
        )
        self.assertEqual(ways(script(), [(url, "a.example") for url in urls]), [PROXY] * len(urls))


class ScriptTests(SynchronousTestCase):
    """The text of a file."""

    def test_nothing_but_printable_ascii(self) -> None:
        """Every octet is plain, and nothing in it could end a script in a page."""
        text = script(direct="local .corp.example", exceptions="10.0.0.0/8", proxies="a.example:1")
        self.assertTrue(re.fullmatch(r"[\n\x20-\x7e]*", text))
        self.assertNotIn("</", text)

    def test_old_engines(self) -> None:
        """Nothing is used that came after 1999, and no function of browsers that asks name servers."""
        text = script()
        self.assertFalse(re.search(r"=>|\b(?:let|const|class)\b|`|,\s*[\]})]|\.(?:includes|startsWith|map)\(", text))
        self.assertFalse(re.search(r"isInNet|dnsResolve|isResolvable|myIpAddress", text))

    def test_own_address(self) -> None:
        """The first address in full is where a listener is reached, if it has one."""
        any_host, any_port = Address("", 3128), Address("192.0.2.1", 0)
        for bind, own in (
            ((any_host, Address("::", 1), Address("0.0.0.0", 1), any_port, UnixAddress("/x")), None),
            ((any_host, Address("192.0.2.1", 3128), Address("::1", 3128)), Address("192.0.2.1", 3128)),
        ):
            self.assertEqual(own_address(ListenerOptions(bind=bind)), own)
