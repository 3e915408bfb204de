"""TLS contexts for listeners and towards servers, made when the configuration is loaded and never changed after.

A client context is made once for each server, not for each connection. Listeners always set ALPN: without it Twisted's
context fails every client that offers a protocol. For the same reason we offer none to servers: one that is written
with Twisted and sets none would fail us, and all others speak HTTP/1.1 then.
"""

from pathlib import Path

from OpenSSL import SSL, crypto
from twisted.internet import ssl
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import implementer

from twisted_relay.config.tree import BackendOptions, TLSOptions
from twisted_relay.errors import ConfigurationError

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_PEM_END = b"-----END CERTIFICATE-----"


def listener_context(options: TLSOptions) -> ssl.CertificateOptions:
    """The context of a listener with one certificate; raises `ConfigurationError`."""
    try:
        chain = [certificate.original for certificate in _certificates(options.cert)]
        key = crypto.load_privatekey(crypto.FILETYPE_PEM, Path(options.key).read_bytes())
        return ssl.CertificateOptions(
            privateKey=key,
            certificate=chain[0],
            extraCertChain=chain[1:],
            raiseMinimumTo=_VERSIONS[options.min_version] if options.min_version != "1.2" else None,
            acceptableProtocols=[b"http/1.1"],
            enableSessions=True,
            enableSessionTickets=True,
        )
    except (OSError, ValueError, SSL.Error) as error:
        raise ConfigurationError(f"[tls:{options.name}]: {error}") from error


def server_context(options: BackendOptions, host: str) -> IOpenSSLClientConnectionCreator:
    """What makes TLS connections to a server of this host name; raises `ConfigurationError`."""
    name = options.tls_name or host
    try:
        certificate = _client_certificate(options)
        if not options.tls_verify:
            return _Unverified(name, certificate)
        trust = ssl.trustRootFromCertificates(_certificates(options.tls_ca)) if options.tls_ca else ssl.platformTrust()
        return ssl.optionsForClientTLS(name, trustRoot=trust, clientCertificate=certificate)
    except (OSError, ValueError, SSL.Error) as error:
        raise ConfigurationError(f"[backend:{options.name}]: {error}") from error


def _certificates(path: str) -> list[ssl.Certificate]:
    """Every certificate of a PEM file."""
    blocks = Path(path).read_bytes().split(_PEM_END)[:-1]
    if not blocks:
        raise ValueError(f"{path} holds no certificate")
    return [ssl.Certificate.loadPEM(block + _PEM_END + b"\n") for block in blocks]


def _client_certificate(options: BackendOptions) -> ssl.PrivateCertificate | None:
    if not options.tls_cert:
        return None
    pem = Path(options.tls_key).read_bytes() + b"\n" + Path(options.tls_cert).read_bytes()
    certificate: ssl.PrivateCertificate = ssl.PrivateCertificate.loadPEM(pem)
    return certificate


@implementer(IOpenSSLClientConnectionCreator)
class _Unverified:
    """TLS that trusts whoever answers: `tls_verify = off`."""

    def __init__(self, name: str, certificate: ssl.PrivateCertificate | None) -> None:
        if certificate is not None:
            self._options = certificate.options()
        else:
            self._options = ssl.CertificateOptions(verify=False)
        self._name = name
        self._context = self._options.getContext()

    def clientConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:
        """A connection whose certificate nobody looks at."""
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(tlsProtocol)
        if not self._name.replace(".", "").isdigit() and ":" not in self._name:
            connection.set_tlsext_host_name(self._name.encode("idna"))
        return connection
