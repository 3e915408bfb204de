"""Addresses of names: what is asked, what is remembered, and for how long. Time and name servers are the test's."""

from pathlib import Path

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.names.asked import Servers, failure
from twisted_relay.config.sections.process import DnsOptions
from twisted_relay.names import resolver as resolving
from twisted_relay.names.known import FAILURE_HOLDS
from twisted_relay.names.resolv_conf import ResolvConf
from twisted_relay.names.resolver import OTHER_KIND, STALE_AFTER, Resolver

ONE, TWO, SIX = "10.0.0.1", "10.0.0.2", "2001:db8::1"


class Resolving(SynchronousTestCase):
    """A resolver, and a place for what is found."""

    def setUp(self) -> None:
        """No hosts file; every address has a route."""
        self.clock = Clock()
        self.servers = Servers()
        self.found: list[tuple[str, ...]] = []
        self.resolver = self.make()

    def make(self, **options: object) -> Resolver:
        """A resolver with these options."""
        made = Resolver(self.clock, DnsOptions(**{"hosts": "", "negative_ttl": 3600.0, **options}), self.servers)  # type: ignore[arg-type]
        self.patch(made._routes, "has_route", lambda address: True)
        self.addCleanup(made.stop)
        return made

    def ask(self, host: str = "app", resolver: Resolver | None = None) -> tuple[str, ...] | None:
        """What is found at once; None if it has to be waited for."""
        before = len(self.found)
        (resolver or self.resolver).addresses(host, self.found.append)
        return self.found[before] if len(self.found) > before else None


class CacheTests(Resolving):
    """Names that anybody asks for."""

    def test_literals(self) -> None:
        """An address is its own answer, and what other programs read as one is no name: nobody is asked for either."""
        for host in ("10.0.0.1", "::1", "::ffff:127.0.0.1"):
            self.assertEqual(self.ask(host), (host,))
        for host in ("0x7f.1", "2130706433", "127.1", "a.1", "", ".", "b\u00fccher.de", "a b", "127\u30020.0.1"):
            self.assertEqual(self.ask(host), (), host)
        self.assertEqual(self.servers.asked, [])

    def test_one_question(self) -> None:
        """Both kinds are asked for once, and again when the answer has ended; it is one name in whatever letters."""
        self.servers.know("app.internal", ONE, ttl=60)
        for host in ("app.internal", "APP.internal", "app.Internal."):
            self.assertEqual(self.ask(host), (ONE,))
        self.clock.advance(50.0)
        self.assertEqual(self.ask("app.internal"), (ONE,))
        self.assertEqual(self.servers.asked, [("app.internal", "A"), ("app.internal", "AAAA")])
        self.servers.know("app.internal", TWO)
        self.clock.advance(11.0)
        self.assertEqual(self.ask("app.internal"), (TWO,))
        self.assertEqual(self.resolver.lookups["hit"], 3)
        self.assertEqual(self.resolver.lookups["miss"], 2)

    def test_bounds_of_times(self) -> None:
        """A time that is too short or too long is made to fit."""
        for told, holds in ((0, 5.0), (2, 5.0), (60, 60.0), (86400, 100.0)):
            resolver = self.make(min_ttl=5.0, max_ttl=100.0)
            self.servers.know("app", ONE, ttl=told, ipv6=(SIX,))
            self.ask(resolver=resolver)
            self.servers.forget()
            self.clock.advance(holds * 0.85)
            self.ask(resolver=resolver)
            self.assertEqual(self.servers.forget(), 0, told)
            self.clock.advance(holds * 0.15)
            self.ask(resolver=resolver)
            self.assertEqual(self.servers.forget(), 2, told)

    def test_nothing_is_remembered_too(self) -> None:
        """That there is nothing is believed as long as the zone says, and no longer than the option."""
        for told, holds in ((10, 10.0), (3600, 30.0), (None, FAILURE_HOLDS), (0, 1.0)):
            resolver = self.make(negative_ttl=30.0)
            self.servers.fail("gone", "nxdomain", told)
            self.assertEqual(self.ask("gone", resolver), ())
            self.clock.advance(holds - 0.1)
            self.servers.forget()
            self.assertEqual(self.ask("gone", resolver), ())
            self.assertEqual(self.servers.forget(), 0, told)
            self.clock.advance(0.1)
            self.ask("gone", resolver)
            self.assertEqual(self.servers.forget(), 2, told)

    def test_those_who_wait_share_a_look_up(self) -> None:
        """Whoever asks while a name is being looked up gets the same answer."""
        self.servers.slow = True
        self.servers.know("app", ONE)
        self.assertEqual([self.ask() for _ in range(3)], [None] * 3)
        self.servers.answer()
        self.assertEqual(self.found, [(ONE,)] * 3)
        self.assertEqual(len(self.servers.asked), 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_other_kind_is_waited_for_a_moment(self) -> None:
        """The kind that comes first waits 50 ms for the other, which counts when it comes later."""
        self.servers.slow = True
        self.servers.know("app", ONE, ipv6=(SIX,))
        self.ask()
        self.servers.answer("A")
        self.clock.advance(OTHER_KIND - 0.01)
        self.assertEqual(self.found, [])
        self.clock.advance(0.02)
        self.assertEqual(self.found, [(ONE,)])
        self.assertEqual(self.ask(), (ONE,))
        self.servers.answer("AAAA")
        self.assertEqual(self.ask(), (SIX, ONE))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_negative_kind_is_waited_for(self) -> None:
        """That there is nothing of one kind is no answer while the other is open."""
        self.servers.slow = True
        self.servers.know("app", ONE)
        self.ask()
        self.servers.answer("AAAA")
        self.clock.advance(1.0)
        self.assertEqual(self.found, [])
        self.servers.answer("A")
        self.assertEqual(self.found, [(ONE,)])

    def test_one_kind_fails(self) -> None:
        """When the name servers fail for one kind, the other is used and is no old answer."""
        self.servers.know("app", ONE)
        self.servers.fail("other", "servfail")
        self.servers.answers["app", "AAAA"] = self.servers.answers["other", "A"]
        self.assertEqual(self.ask(), (ONE,))
        self.assertEqual(self.ask(), (ONE,))
        self.assertEqual(self.resolver.lookups["stale"], 0)

    def test_old_answers_while_name_servers_fail(self) -> None:
        """An answer is used after its end while nobody can answer, as long as the option says."""
        resolver = self.make(stale=600.0)
        self.servers.know("app", ONE, ttl=60)
        self.ask(resolver=resolver)
        self.servers.fail("app", "timeout")
        self.clock.advance(300.0)
        self.assertEqual(self.ask(resolver=resolver), (ONE,))
        self.assertEqual(self.ask(resolver=resolver), (ONE,))
        self.assertEqual(resolver.lookups["stale"], 1)
        self.clock.advance(361.0)
        self.assertEqual(self.ask(resolver=resolver), ())

    def test_no_old_answers(self) -> None:
        """`stale = 0` uses none; and that there is nothing any more is never overruled by an old answer."""
        for stale, reason in ((0.0, "servfail"), (600.0, "nxdomain")):
            resolver = self.make(stale=stale)
            self.servers.know("app", ONE, ttl=60)
            self.ask(resolver=resolver)
            self.servers.fail("app", reason)
            self.clock.advance(60.0)
            self.assertEqual(self.ask(resolver=resolver), (), reason)

    def test_silent_name_servers(self) -> None:
        """While they are silent, an old answer is used after 1.8 seconds."""
        self.servers.know("app", ONE, ttl=60)
        self.ask()
        self.servers.slow = True
        self.clock.advance(61.0)
        self.assertIs(self.ask(), None)
        self.clock.advance(STALE_AFTER)
        self.assertEqual(self.found[-1], (ONE,))
        self.servers.know("app", TWO)
        self.servers.answer()
        self.assertEqual(self.ask(), (TWO,))

    def test_why_it_failed(self) -> None:
        """Whoever finds nothing can ask why; silence weighs more than an answer that there is nothing."""
        for reason in ("nxdomain", "empty", "servfail", "timeout"):
            self.servers.fail(f"{reason}.example", reason)
            self.assertEqual(self.ask(f"{reason}.example"), ())
            self.assertEqual(self.resolver.failure(f"{reason.upper()}.example."), reason)
        self.servers.know("half.example")
        self.servers.answers["half.example", "AAAA"] = failure("timeout")
        self.ask("half.example")
        for host, why in (("half.example", "timeout"), ("never.asked", ""), ("10.0.0.1", ""), ("a b", "")):
            self.assertEqual(self.resolver.failure(host), why, host)

    def test_names_in_use_are_asked_for_early(self) -> None:
        """Who asks for a name shortly before its answer ends gets it, and it is looked up in the background."""
        self.servers.know("app", ONE, ttl=100)
        self.ask()
        self.clock.advance(89.0)
        self.ask()
        self.assertEqual(self.servers.forget(), 2)
        self.servers.know("app", TWO, ttl=100)
        self.servers.slow = True
        self.clock.advance(2.0)
        self.assertEqual(self.ask(), (ONE,))
        self.servers.answer()
        self.clock.advance(50.0)
        self.assertEqual(self.ask(), (TWO,))
        self.assertEqual(self.servers.forget(), 2)

    def test_bounded(self) -> None:
        """Of too many names, the one that was asked for longest ago is forgotten."""
        resolver = self.make(cache=2)
        for name in ("a", "b"):
            self.servers.know(name, ONE)
            self.ask(name, resolver)
        self.ask("a", resolver)
        self.servers.know("c", ONE)
        self.ask("c", resolver)
        self.assertEqual(resolver.entries, 2)
        self.servers.forget()
        self.ask("a", resolver)
        self.assertEqual(self.servers.forget(), 0)
        self.ask("b", resolver)
        self.assertEqual(self.servers.forget(), 2)

    def test_many_names_at_once(self) -> None:
        """Names beyond a number wait for their turn, and beyond another get nothing; servers' names never wait."""
        self.patch(resolving, "MOST_AT_ONCE", 2)
        self.patch(resolving, "MOST_QUEUED", 1)
        self.servers.slow = True
        for name in ("a", "b", "c", "d"):
            self.servers.know(name, ONE)
        self.assertEqual([self.ask(name) for name in ("a", "b", "c", "d")], [None, None, None, ()])
        self.assertEqual(self.resolver.lookups["full"], 1)
        self.resolver.watch("e")
        self.assertEqual({name for name, _ in self.servers.asked}, {"a", "b", "e"})
        self.servers.answer()
        self.servers.answer()
        self.assertEqual(self.found, [(), (ONE,), (ONE,), (ONE,)])

    def test_early_questions_wait(self) -> None:
        """While many names are looked up, those whose answer still holds are not asked for early."""
        self.servers.know("app", ONE, ttl=100)
        self.ask("app")
        self.patch(resolving, "MOST_EARLY", 1)
        self.servers.slow = True
        self.ask("other")
        self.clock.advance(95.0)
        self.servers.forget()
        self.assertEqual(self.ask("app"), (ONE,))
        self.assertEqual(self.servers.forget(), 0)

    def test_many_that_fail_at_once(self) -> None:
        """However many names wait, those that fail at once are ended one after the other."""
        self.patch(resolving, "MOST_AT_ONCE", 1)
        self.servers.slow = True
        for number in range(1500):
            self.ask(f"n{number}")
        self.servers.slow = False
        self.servers.answer()
        self.assertEqual(self.found, [()] * 1500)

    def test_many_who_wait(self) -> None:
        """Too many callers for one name get nothing."""
        self.patch(resolving, "MOST_WAITING", 1)
        self.servers.slow = True
        self.assertEqual([self.ask(), self.ask()], [None, ()])

    def test_search(self) -> None:
        """With `search`, a name without a dot is looked for in the search domains first, one whole name at a time."""
        path = Path(self.mktemp())
        path.write_text("search one.internal two.internal\n")
        resolver = self.make(search=True)
        self.patch(resolver, "_resolv_conf", ResolvConf(str(path)))
        self.servers.know("app.two.internal", ONE)
        self.servers.know("app", TWO)
        self.servers.know("bare", TWO)
        self.assertEqual(self.ask("app", resolver), (ONE,))
        self.assertEqual(self.ask("bare", resolver), (TWO,))
        self.servers.forget()
        self.assertEqual(self.ask("app.other", resolver), ())
        self.assertEqual(self.servers.forget(), 2)
        self.servers.fail("new.one.internal", "servfail")
        self.servers.know("new", TWO)
        self.assertEqual(self.ask("new", resolver), (), "a failure says nothing about the next domain")
        self.assertEqual(self.ask("app"), (TWO,), "not without the option")

    def test_an_error_of_our_own(self) -> None:
        """A fault in what asks is told, and whoever waits gets nothing."""

        async def broken(name: str, kind: str) -> None:
            raise RuntimeError("broken")

        self.patch(self.servers, "ask", broken)
        self.assertEqual(self.ask(), ())
        self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_stop(self) -> None:
        """After the stop nothing is asked, nobody is called, and no timer is left."""
        self.servers.know("app", ONE, ttl=60)
        self.resolver.watch("app")
        self.servers.slow = True
        self.ask("other")
        self.clock.advance(61.0)
        self.resolver.stop()
        self.assertEqual((self.found, self.clock.getDelayedCalls()), ([], []))
        self.servers.forget()
        self.assertEqual(self.ask("new"), ())
        self.assertEqual(self.servers.asked, [])


class WatchTests(Resolving):
    """Names of servers."""

    def test_refresh(self) -> None:
        """A name is looked up at once, and again whenever its answer ends; meanwhile the old answer holds."""
        self.servers.know("app", ONE, ttl=8)
        self.resolver.watch("app")
        self.resolver.watch("APP.")
        self.assertEqual(self.servers.forget(), 2)
        self.servers.slow = True
        self.servers.know("app", TWO, ttl=8)
        self.clock.advance(8.0)
        self.assertEqual(self.servers.forget(), 2)
        self.assertEqual(self.ask(), (ONE,))
        self.servers.answer()
        self.assertEqual(self.ask(), (TWO,))

    def test_the_last_good_answer_stays(self) -> None:
        """Whatever happens to a name, its last good answer is used; the failure is told once, and its end."""
        self.servers.know("app", ONE, ttl=8)
        with capturedLogs() as events:
            self.resolver.watch("app")
            for reason in ("servfail", "nxdomain", "timeout"):
                self.servers.fail("app", reason)
                for _ in range(1000):
                    self.clock.advance(200.0)
                self.assertEqual(self.ask(), (ONE,), reason)
            self.servers.know("app", TWO)
            self.clock.advance(200.0)
        self.assertEqual(self.ask(), (TWO,))
        formats = [event["log_format"] for event in events if event.get("host") == "app"]
        self.assertEqual(len(formats), 2)
        self.assertIn("it is said: servfail", str(events[0]["why"]))

    def test_unknown(self) -> None:
        """A name that was never found gives nothing, at once, until it is found."""
        self.resolver.watch("app")
        self.assertEqual(self.ask(), ())
        self.servers.know("app", ONE)
        self.clock.advance(FAILURE_HOLDS)
        self.assertEqual(self.ask(), (ONE,))

    def test_a_look_up_that_hangs(self) -> None:
        """No second look-up of a name is begun while one is running."""
        self.servers.slow = True
        self.resolver.watch("app")
        for _ in range(5):
            self.clock.advance(100.0)
            self.ask()
        self.assertEqual(len(self.servers.asked), 2)

    def test_never_forgotten(self) -> None:
        """Names of servers do not give way to others, also when they were asked for before."""
        resolver = self.make(cache=1)
        self.servers.know("app", ONE)
        self.ask("app", resolver)
        resolver.watch("app")
        for number in range(5):
            self.ask(f"n{number}", resolver)
        self.servers.forget()
        self.assertEqual(self.ask("app", resolver), (ONE,))
        self.assertEqual(self.servers.asked, [])

    def test_hosts(self) -> None:
        """What stands in the hosts file is used without asking, also for servers; a name that goes from it is asked."""
        path = Path(self.mktemp())
        path.write_text(f"{ONE} app\n{SIX} app\n")
        resolver = self.make(hosts=str(path), prefer="ipv4")
        for name in ("app", "localhost", "10.0.0.9", "db.localhost"):
            resolver.watch(name)
        self.assertEqual(self.ask("App.", resolver), (ONE, SIX))
        self.assertEqual(self.ask("localhost", resolver), ("127.0.0.1", "::1"))
        self.assertEqual(self.servers.asked, [])
        path.write_text("# nothing\n")
        self.servers.know("app", TWO)
        self.clock.advance(2.0)
        self.assertEqual(self.ask("app", resolver), (TWO,))
        path.write_text(f"{ONE} app\n")
        self.clock.advance(100.0)
        self.servers.forget()
        self.assertEqual(self.ask("app", resolver), (ONE,))
        self.clock.advance(1000.0)
        self.assertEqual(self.servers.asked, [])
