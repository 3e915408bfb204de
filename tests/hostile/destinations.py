"""Destinations that lead inside, to this machine or nowhere, as hostile clients and hostile name servers give them.

`test_destinations` asks for every row with CONNECT and with a whole URI, and looks at whom the relay has dialled.
"""

from dataclasses import dataclass

PUBLIC, PUBLIC6 = "93.184.216.34", "2606:2800:21f:cb07::1"
OWN, OWN6 = "198.41.0.4", "2001:500::53"
"""Public addresses that the machine of the relay has itself."""

Answer = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A host as it stands in a request, and what the resolver says each time it is asked."""

    host: str
    answers: tuple[Answer, ...]
    statuses: tuple[int, ...]
    """The answers to one request after the other."""


def literal(host: str) -> Row:
    """An address that is read as what it is, looked up nowhere, and refused."""
    return Row(host, (), (403,))


def malformed(host: str) -> Row:
    """What is no host, and is never looked up."""
    return Row(host, (), (400,))


def bait(*addresses: str) -> Row:
    """A name that resolves to this, and is refused."""
    return Row("bait.example", (addresses,), (403,))


LITERALS = tuple(
    map(
        literal,
        (
            *("127.0.0.1", "127.0.0.1.", "127.1.2.3", "127.255.255.254", "0.0.0.0", "0.0.0.1", "0.255.255.255"),
            *("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.255.255"),
            *("169.254.0.1", "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "100.127.255.255"),
            *("168.63.129.16", "192.0.0.1", "192.0.0.192", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1"),
            *("192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", OWN),
            *("%31%32%37.0.0.1", "127%2E0%2E0%2E1", "1%32%37.0.0.%31"),
            *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::127.0.0.1]", "[::7f00:1]", "[::2]"),
            *("[::ffff:127.0.0.1]", "[::FFFF:7F00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::ffff:8.8.8.8]"),
            *("[::ffff:169.254.169.254]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]"),
            *("[64:ff9b::808:808]", "[64:ff9b:1::10.0.0.1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]"),
            *("[2002:808:808::1]", "[2001:0:7f00:1::]", "[2001::1]", "[fc00::1]", "[fd00:ec2::254]", "[fd12:3456::1]"),
            *("[fd20:ce::254]", "[fe80::1]", "[FE80::1]", "[febf::1]", "[fec0::1]", "[ff02::1]", "[ff05::1:3]"),
            *("[100::1]", "[2001:db8::1]", "[2001:2::1]", "[2001:10::1]", "[2001:20::1]", "[3fff::1]", "[5f00::1]"),
            *("[4000::1]", "[8000::1]", "[e000::1]", f"[{OWN6}]"),
        ),
    )
)

MALFORMED = tuple(
    map(
        malformed,
        (
            *("0x7f.1", "0X7F.1", "0x7f.0.0.1", "0x7f000001", "0x7F.0x0.0x0.0x1", "0x0", "0x", "2130706433", "0", "1"),
            *("017700000001", "0177.0.0.1", "0177.1", "127.1", "127.0.1", "127.0.0.01", "00000127.0.0.1", "10.1"),
            *("3232235521", "0xc0a80001", "0300.0250.0.1", "192.168.257", "0xa9fea9fe", "2852039166", "127.0.0.0x1"),
            *("127.0.0.1..", "127..0.0.1", ".127.0.0.1", "localhost..", "127.0.0.256", "4294967296", "1.2.3.4.5"),
            *("0x7f.1.", "2130706433.", "example.1", "example.0x1", "%30x7f.1", "2130706%34%33"),
            *(
                "127。0。0。1",
                "127．0．0．1",
                "127｡0｡0｡1",
                "１２７.0.0.1",
                "①②⑦.⓪.⓪.①",
                "ｌocalhost",
                "loc\u00adalhost",
            ),
            *("127%E3%80%820%E3%80%820%E3%80%821", "%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1", "localhost%00.example"),
            *("127.0.0.1%00", "127.0.0.1%20", "127.0.0.1%0d%0aHost:a", "127.0.0.1%2f", "127.0.0.1%252e"),
            *("[::1%25lo]", "[::1%lo]", "[fe80::1%25eth0]", "[::ffff:0x7f.1]", "[::ffff:127.1]", "[127.0.0.1]"),
            *("[::1", "::1", "[[::1]]", "[::1].", "[v1.::1]", "[localhost]", "[]", "user@127.0.0.1", "a@127.0.0.1@b"),
            *(
                "127.0.0.1\\@b",
                "127.0.0.1#@b",
                "127.0.0.1,b",
                "127.0.0.1;b",
                "127.0.0.1|b",
                "*",
                "-",
                "a..b",
                "a" * 64,
                "xn--a-.example",
            ),
        ),
    )
)

ANSWERS = (
    *map(
        bait,
        (
            *("127.0.0.1", "127.0.0.53", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254"),
            *(
                "100.64.0.1",
                "100.100.100.200",
                "168.63.129.16",
                "192.0.0.192",
                "198.18.0.1",
                "224.0.0.1",
                "255.255.255.255",
            ),
            *("::1", "::", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8", "64:ff9b::7f00:1"),
            *(
                "64:ff9b:1::a00:1",
                "2002:a00:1::1",
                "2001:0:7f00:1::1",
                "fd00:ec2::254",
                "fc00::1",
                "fe80::1",
                "fec0::1",
            ),
            *("ff02::1", "100::1", "2001:db8::1", OWN, OWN6),
            # what no resolver should say, and no dialler may guess the meaning of
            *("localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "fe80::1%lo", "::1%lo", "127.0.0.1 ", ""),
        ),
    ),
    # one of several
    bait(PUBLIC, "127.0.0.1"),
    bait("127.0.0.1", PUBLIC),
    bait(PUBLIC6, "::1", PUBLIC),
    bait(PUBLIC6, PUBLIC, "10.0.0.1"),
    bait(PUBLIC, "localhost"),
    bait(PUBLIC, *(f"93.184.216.{n}" for n in range(100)), "169.254.169.254"),
    # answers that change from one look-up to the next
    Row("turns.example", ((PUBLIC,), ("127.0.0.1",)), (200, 403)),
    Row("turns.example", (("127.0.0.1",), (PUBLIC,), ("127.0.0.1",)), (403, 200, 403)),
    Row("turns.example", ((PUBLIC6,), ("::1",), (PUBLIC, "10.0.0.1"), (PUBLIC,)), (200, 403, 403, 200)),
    Row("turns.example", ((PUBLIC,), (OWN,), ("::ffff:127.0.0.1",), ("0.0.0.0",)), (200, 403, 403, 403)),
    # names that mean something to some
    Row("localhost", (("127.0.0.1", "::1"),), (403,)),
    Row("LOCALHOST.", (("127.0.0.1",),), (403,)),
    Row("a.localhost", (("::1",),), (403,)),
    Row("metadata.google.internal", (("169.254.169.254",),), (403,)),
    Row("127.0.0.1.bait.example", (("127.0.0.1",),), (403,)),
    Row("0x7f000001.bait.example", (("127.0.0.1",),), (403,)),
)

GOOD = (
    Row(PUBLIC, (), (200,)),
    Row(f"{PUBLIC}.", (), (200,)),
    Row(f"[{PUBLIC6}]", (), (200,)),
    Row("good.example", ((PUBLIC,),), (200, 200)),
    Row("GOOD.example.", ((PUBLIC6, PUBLIC),), (200,)),
)
"""What is none of this, and is served: without it a guard that refuses everything would pass."""

ROWS = (*LITERALS, *MALFORMED, *ANSWERS)
