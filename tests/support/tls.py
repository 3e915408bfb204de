"""TLS for conversations: an authority, its certificates, and far ends that speak TLS over a connection in memory."""

import ssl
from pathlib import Path

import trustme
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IProtocol

from tests.support.playbook import Conversation, Party
from tests.support.transports import MemorySocket
from twisted_relay.config.tree import BackendOptions, TLSOptions
from twisted_relay.downstream.port import ClientFactory, SecureClientFactory
from twisted_relay.http.fields import Fields
from twisted_relay.tls import listener_context, server_context


class Authority:
    """An authority with the files that a configuration names; in `folder`."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._folder.mkdir()
        self.ca = trustme.CA()
        self.ca_file = str(self._folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.ca_file)

    def issue(self, *names: str) -> tuple[str, str]:
        """The files of a certificate, with its chain, and of its key."""
        issued = self.ca.issue_cert(*names)
        stem = names[0].replace("*", "any")
        cert, key = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
        cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
        return str(cert), str(key)

    def options(self, *names: str) -> TLSOptions:
        """A `[tls:]` section with a new certificate."""
        cert, key = self.issue(*names)
        return TLSOptions(name="www", cert=cert, key=key)


def client_context(authority: Authority, *protocols: str) -> ssl.SSLContext:
    """What a client that trusts the authority uses."""
    context = ssl.create_default_context(cafile=authority.ca_file)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def server_side(cert: str, key: str) -> ssl.SSLContext:
    """What a server with this certificate uses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


class TLSParty(Party):
    """A far end that speaks TLS. What it sees is what was said inside."""

    def __init__(
        self, talk: Conversation, socket: MemorySocket, context: ssl.SSLContext, server_name: str = ""
    ) -> None:
        super().__init__(talk, socket)
        self._arrived, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self._arrived, self._leaving, server_side=not server_name, server_hostname=server_name or None
        )
        self.error: ssl.SSLError | None = None
        self.said_goodbye = False
        """The relay has ended TLS in good order."""
        self._inside = bytearray()
        self._ready = False
        self.go_on()

    def go_on(self) -> None:
        """Let the handshake and everything in flight move as far as they go."""
        while True:
            self.talk.settle()
            octets = bytes(self.socket.delivered)
            self.socket.delivered.clear()
            self._arrived.write(octets)
            self._read()
            leaving = self._leaving.read()
            if leaving:
                self.socket.far_sends(leaving)
            elif not octets:
                return

    def _read(self) -> None:
        try:
            if not self._ready:
                self.tls.do_handshake()
                self._ready = True
            while not self.said_goodbye:
                data = self.tls.read(65536)
                self.said_goodbye = not data
                self._inside += data
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except ssl.SSLZeroReturnError:
            self.said_goodbye = True
        except ssl.SSLError as error:
            self.error = error

    def sends(self, *octets: bytes) -> None:
        """Say something inside."""
        for each in octets:
            self.tls.write(each)
            self.go_on()

    def says_goodbye(self) -> None:
        """End TLS in good order; the connection stays."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        self.go_on()

    def taken(self) -> bytes:
        """Everything that was said inside since the last look."""
        self.go_on()
        octets = bytes(self._inside)
        self._inside.clear()
        return octets

    def sees_head(self, start: str, *lines: str) -> Fields:
        """As `Party.sees_head`."""
        fields = super().sees_head(start, *lines)
        self._inside[:0] = self.socket.delivered
        self.socket.delivered.clear()
        return fields


class SecureConversation(Conversation):
    """A conversation whose clients speak TLS to the listener."""

    tls: TLSOptions
    authority: Authority

    def protocol_for(self, address: str) -> IProtocol:
        """What a listening port with TLS makes for a client."""
        factory = ClientFactory(self.listener, 8443)
        secured = SecureClientFactory(listener_context(self.tls), False, factory, self.reactor)
        made: IProtocol = secured.buildProtocol(None)
        return made

    def secure_client(self, *protocols: str, name: str = "example.org") -> TLSParty:
        """A client connects and shakes hands."""
        return TLSParty(self, self.client().socket, client_context(self.authority, *protocols), name)


class ConversationWithSecureServers(Conversation):
    """A conversation whose servers speak TLS."""

    def tls_to(self, options: BackendOptions) -> IOpenSSLClientConnectionCreator | None:
        """The context for servers, made as for a configuration."""
        return server_context(options, "app.test")

    def accepts_securely(self, context: ssl.SSLContext) -> TLSParty:
        """The server that has waited longest accepts and shakes hands."""
        return TLSParty(self, self.accepts().socket, context)
