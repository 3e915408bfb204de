"""An agent whose servers are looked for."""

from pathlib import Path

from twisted.internet.defer import gatherResults

from tests.web.origins import Origin
from tests.web.test_agent import AgentTestCase
from twisted_relay.errors import ConfigurationError

URL = b"http://shop.example/"


class DiscoveryTests(AgentTestCase):
    """`discover` of `BalancingAgent`."""

    async def test_a_file(self) -> None:
        """Servers of a file are asked, without others or beside them; nothing is left after the end."""
        found, given = Origin(self), Origin(self)
        path = Path(self.mktemp())
        path.write_text(f"{found.url}\n")
        for servers in ((), (given,)):
            agent = self.agent(*servers, discover=f"file:{path}")
            for _ in range(2):
                await agent.request(b"GET", URL)
            await agent.close()
        self.assertEqual((len(found.requests), len(given.requests)), (3, 1))

    async def test_a_request_waits_until_servers_are_found(self) -> None:
        """A request that comes before the file is not refused; who ends meanwhile ends it."""
        origin = Origin(self)
        path = Path(self.mktemp())
        agent = self.agent(discover=f"file:{path} every=100ms")
        asked = [agent.request(b"GET", URL) for _ in range(2)]
        path.write_text(f"{origin.url}\n")
        answers = await gatherResults(asked)
        self.assertEqual([answer.code for answer in answers], [200, 200])

    async def test_the_end_while_it_is_looked(self) -> None:
        """An agent that ends before anything is found leaves no timer and no socket."""
        agent = self.agent(discover="dns+a://nobody.invalid:80")
        asked = agent.request(b"GET", URL)
        asked.addErrback(lambda _: None)
        await agent.close()
        asked.cancel()

    def test_neither(self) -> None:
        """An agent has servers, or looks for them."""
        self.assertRaises(ConfigurationError, self.agent)
