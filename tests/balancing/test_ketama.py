"""The ring of `hash KEY ring=ketama`."""

from collections import Counter
from zlib import crc32

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import Member, an_exchange, many, mapping, policy_of, tell
from twisted_relay.balancing.by_key import Weighted
from twisted_relay.balancing.ketama import MOST_POINTS, POINTS, Ketama, points_of
from twisted_relay.balancing.policy import Candidate

KEYS = [f"key{number}" for number in range(20_000)]

#: What nginx 1.22.1 gives key0 to key59 to, with `hash $arg_k consistent` and the servers of `NGINX_SERVERS`: the last
#: digits of their ports.
NGINX_CHOICES = "323222213244232435123321432221555533413222224242344124453422"
NGINX_SERVERS = (
    ("127.0.0.1:18701", 1),
    ("127.0.0.1:18702", 3),
    ("127.0.0.1:18703", 1),
    ("127.0.0.1:18704", 2),
    ("127.0.0.1:18705", 1),
)


def weighted(servers: list[Member]) -> list[Weighted]:
    """Servers with their weights."""
    return [(server, server.weight) for server in servers]


def arcs(ring: Ketama) -> Counter[Candidate]:
    """Which part of the circle each server has, exactly."""
    parts: Counter[Candidate] = Counter()
    before = (ring._ring[-1] >> 20) - (1 << 32)
    for point in ring._ring:
        parts[ring._servers[point & 0xFFFFF]] += (point >> 20) - before
        before = point >> 20
    return parts


class KetamaTests(SynchronousTestCase):
    """nginx's ring."""

    def test_points(self) -> None:
        """160 for each unit of weight: CRC-32 of host, a zero octet, port and the point before, least octet first."""
        self.assertEqual(POINTS, 160)
        point, expected = 0, []
        for _ in range(320):
            point = crc32(b"10.0.0.1\x008000" + bytes((point & 255, point >> 8 & 255, point >> 16 & 255, point >> 24)))
            expected.append(point)
        self.assertEqual(points_of("10.0.0.1:8000", 320), expected)
        ring = Ketama()
        ring.become(weighted(many(3, (1, 2, 5))))
        self.assertEqual(len(ring._ring), 160 * 8)

    def test_names(self) -> None:
        """Host and port are parted as nginx parts them; a name without a port is a host, a socket's path too."""
        for name, text in (
            ("10.0.0.1", b"10.0.0.1\0"),
            ("[::1]:80", b"[::1]\x0080"),
            ("[::1]", b"[::1]\0"),
            ("app1", b"app1\0"),
            ("unix:/run/a:1", b"/run/a:1\0"),
        ):
            self.assertEqual(points_of(name, 1), [crc32(text + bytes(4))], name)

    def test_the_servers_that_nginx_chooses(self) -> None:
        """What a running nginx gives keys to."""
        policy = policy_of("hash query:k ring=ketama")
        tell(policy, [Member(name, weight) for name, weight in NGINX_SERVERS])
        chosen = [next(policy.candidates(an_exchange(b"/?k=key%d" % n))).name[-1] for n in range(60)]
        self.assertEqual("".join(chosen), NGINX_CHOICES)

    def test_retries_go_round(self) -> None:
        """After a server comes the one that would have the key without it."""
        servers = many(20)
        policy = policy_of("hash path ring=ketama")
        tell(policy, servers)
        exchange = an_exchange(b"/k")
        order = list(policy.candidates(exchange))
        for place in range(20):
            policy.update(servers, [server for server in servers if server not in order[:place]])
            self.assertIs(next(policy.candidates(exchange)), order[place])

    def test_only_the_keys_of_who_leaves_move(self) -> None:
        """Of 1,000 servers one leaves: its keys move and no other; it returns, and so do they. The same by weight."""
        for weights in ((1,), (1, 2, 3)):
            servers = many(1000, weights)
            policy = policy_of("hash path ring=ketama")
            tell(policy, servers)
            before = mapping(policy, KEYS)
            gone = servers[500]
            tell(policy, [server for server in servers if server is not gone])
            after = mapping(policy, KEYS)
            self.assertEqual(
                {key for key in KEYS if before[key] != after[key]}, {k for k in KEYS if before[k] == gone.name}
            )
            tell(policy, servers)
            self.assertEqual(mapping(policy, KEYS), before)

    def test_an_outage_moves_the_same_keys(self) -> None:
        """Whether a server is down or has left is one for the keys, and nothing is built for it."""
        servers = many(100)
        down, left = policy_of("hash path ring=ketama"), policy_of("hash path ring=ketama")
        down.update(servers, servers[1:])
        tell(left, servers[1:])
        self.assertEqual(mapping(down, KEYS), mapping(left, KEYS))

    def test_balance(self) -> None:
        """Of the circle, computed exactly, no server of 1,000 has more than 1.35 or less than 0.7 of its part."""
        ring = Ketama()
        servers = many(1000)
        ring.become(weighted(servers))
        parts = arcs(ring)
        self.assertLess(max(parts.values()) * 1000 / 2**32, 1.35)
        self.assertGreater(min(parts.values()) * 1000 / 2**32, 0.7)

    def test_weights(self) -> None:
        """Parts follow weights."""
        ring = Ketama()
        servers = many(4, (1, 2, 4, 8))
        ring.become(weighted(servers))
        for server, part in arcs(ring).items():
            self.assertLess(abs(part / 2**32 / (server.weight / 15) - 1), 0.2)

    def test_bounded(self) -> None:
        """Great weights do not make a ring of any size, and it is still in proportion to them."""
        ring = Ketama()
        servers = many(100, (256, 64))
        ring.become(weighted(servers))
        self.assertLessEqual(len(ring._ring), MOST_POINTS)
        for server, part in arcs(ring).items():
            self.assertLess(abs(part / 2**32 * 100 * 160 / server.weight - 1), 0.2)

    def test_very_many_heavy_servers(self) -> None:
        """A ring has a limit in all: with more units of weight than points, several units share one."""
        ring = Ketama()
        servers = many(2000, (256, 128))
        ring.become(weighted(servers))
        self.assertLessEqual(len(ring._ring), MOST_POINTS + len(servers))
        heavy = sum(part for server, part in arcs(ring).items() if server.weight == 256)
        self.assertLess(abs(heavy / 2**32 - 2 / 3), 0.02)
        self.assertEqual(len(set(ring.ranked(b"a"))), len(set(ring.ranked(b"a")) & set(servers)))

    def test_the_order_of_the_file_does_not_matter(self) -> None:
        """Relays whose files list the servers in another order agree."""
        servers = many(50, (1, 2))
        one, other = policy_of("hash path ring=ketama"), policy_of("hash path ring=ketama")
        tell(one, servers)
        tell(other, servers[:7])
        tell(other, servers[::-1])
        self.assertEqual(mapping(one, KEYS), mapping(other, KEYS))
