"""All [auth:NAME] sections of a configuration, with the threads that they share."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted_relay.auth.accounts import AccountFile
from twisted_relay.auth.authenticator import Authenticator
from twisted_relay.auth.door import Door, ProxyDoor, SOCKSDoor
from twisted_relay.auth.threads import HashingThreads
from twisted_relay.auth.verifier import Verifier
from twisted_relay.config.tree import AuthOptions

NO_VERIFIERS: Mapping[str, Verifier] = {}


class Authentication:
    """The authenticators of a configuration. Nothing runs before `start` but what hashes for a request."""

    def __init__(
        self,
        sections: Iterable[AuthOptions],
        reactor: Any,
        now: Callable[[], float],
        verifiers: Mapping[str, Verifier] = NO_VERIFIERS,
    ) -> None:
        """`verifiers` take the place of the files of the sections that they name. Raises `BadValue`."""
        self.threads = HashingThreads(reactor)
        self.authenticators: list[Authenticator] = []
        self.files: list[AccountFile] = []
        for options in sections:
            verifier = verifiers.get(options.name)
            if verifier is None:
                verifier = AccountFile(options, self.threads, reactor)
                self.files.append(verifier)
            self.authenticators.append(Authenticator(options, verifier, now))
        self.doors = {each.name: Door(each) for each in self.authenticators}
        self.proxy_doors = {each.name: ProxyDoor(each) for each in self.authenticators}
        self.socks_doors = {each.name: SOCKSDoor(each) for each in self.authenticators}

    def start(self) -> None:
        """Watch the files."""
        for file in self.files:
            file.start()

    def stop(self) -> None:
        """End everything: who waits for a password to be compared gets no answer."""
        for file in self.files:
            file.stop()
        for authenticator in self.authenticators:
            authenticator.stop()
        self.threads.stop()
