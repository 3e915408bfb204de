"""Load of a scenario: clients that never rest, and every answer that they got."""

import threading
from http.client import HTTPConnection, HTTPException

from tests.scenarios.waiting import eventually


class Load:
    """Clients that ask for `/name` all the time, each on its own connection, until they are told to stop."""

    LIMIT = 20000

    def __init__(self, port: str, clients: int = 4) -> None:
        self._port = int(port)
        self._stopped = threading.Event()
        self.answers: list[tuple[int, bytes]] = []
        """Status code and content of every request; 0 and a reason where no answer came."""
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=20)
        while not self._stopped.is_set() and len(self.answers) < self.LIMIT:
            try:
                connection.request("GET", "/name")
                with connection.getresponse() as response:
                    self.answers.append((response.status, response.read()))
            except (OSError, HTTPException) as error:
                self.answers.append((0, repr(error).encode()))
                connection.close()
        connection.close()

    def go_on(self, requests: int = 100) -> set[tuple[int, bytes]]:
        """Wait for so many more answers; return them."""
        before = len(self.answers)
        eventually(lambda: len(self.answers) >= before + requests, "the relay answers")
        return set(self.answers[before:])

    def stop(self) -> None:
        """End, after the requests that are running."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
