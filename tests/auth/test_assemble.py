"""The [auth:NAME] sections of a configuration, put together."""

from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.known import SlowVerifier, basic
from tests.auth.test_hashes import cheap_argon2id
from twisted_relay.auth.assemble import Authentication
from twisted_relay.config.tree import AuthOptions


class AuthenticationTests(SynchronousTestCase):
    """`Authentication`."""

    def test_files_and_verifiers(self) -> None:
        """Each section has doors; a program's verifier takes the place of the files, which are not read."""
        path = Path(self.mktemp()).absolute()
        path.write_text(f"alice:{cheap_argon2id(b'x')}\n")
        clock = Clock()
        sections = (AuthOptions(name="a", users_file=str(path)), AuthOptions(name="b", users_file="/nowhere"))
        verifier = SlowVerifier({"bob": "right"})
        made = Authentication(sections, cast(Any, clock), clock.seconds, {"b": verifier})
        self.assertEqual([each.name for each in made.files], ["a"])
        self.assertEqual((set(made.doors), set(made.proxy_doors)), ({"a", "b"}, {"a", "b"}))
        made.start()
        asked = made.doors["b"].authenticator.check(basic("bob", "right"), "")
        verifier.answer()
        assert isinstance(asked, Deferred)
        self.assertEqual(self.successResultOf(asked).name, "bob")
        made.stop()
        self.assertEqual(clock.getDelayedCalls(), [])
