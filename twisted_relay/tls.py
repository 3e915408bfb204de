"""TLS contexts for listeners and towards servers, made when the configuration is loaded and never changed after.

A client context is made once for each server, not for each connection. Listeners always set ALPN: without it Twisted's
context fails every client that offers a protocol. For the same reason we offer none to servers: one that is written
with Twisted and sets none would fail us, and all others speak HTTP/1.1 then.
"""

from pathlib import Path
from typing import cast

from OpenSSL import SSL, crypto
from twisted.internet import ssl
from twisted.internet.error import VerifyError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import implementer

from twisted_relay.config.tree import BackendOptions, TLSOptions
from twisted_relay.errors import ConfigurationError

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_PEM_END = b"-----END CERTIFICATE-----"
_UNUSABLE = (OSError, ValueError, SSL.Error, crypto.Error, VerifyError)


def listener_context(options: TLSOptions) -> ssl.CertificateOptions:
    """The context of a listener with one certificate; raises `ConfigurationError`."""
    try:
        chain = [certificate.original for certificate in _certificates(options.cert)]
        made = ssl.CertificateOptions(
            privateKey=_private_key(options.key),
            certificate=chain[0],
            extraCertChain=chain[1:],
            raiseMinimumTo=_VERSIONS[options.min_version] if options.min_version != "1.2" else None,
            acceptableProtocols=[b"http/1.1"],
            enableSessions=True,
            enableSessionTickets=True,
        )
        made.getContext()  # made now, so that a key of another certificate is found now
    except _UNUSABLE as error:
        raise ConfigurationError(
            f"[tls:{options.name}]: {error or 'the key is not that of the certificate'}"
        ) from error
    return made


def server_context(options: BackendOptions, host: str) -> IOpenSSLClientConnectionCreator:
    """What makes TLS connections to a server of this host name; raises `ConfigurationError`."""
    name = options.tls_name or host
    try:
        certificate = _client_certificate(options)
        if not options.tls_verify:
            return _Unverified(name, certificate)
        trust = ssl.trustRootFromCertificates(_certificates(options.tls_ca)) if options.tls_ca else ssl.platformTrust()
        return ssl.optionsForClientTLS(name, trustRoot=trust, clientCertificate=certificate)
    except _UNUSABLE as error:
        raise ConfigurationError(f"{options.title}: {error}") from error


def _certificates(path: str) -> list[ssl.Certificate]:
    """Every certificate of a PEM file."""
    blocks = Path(path).read_bytes().split(_PEM_END)[:-1]
    if not blocks:
        raise ValueError(f"{path} holds no certificate")
    try:
        return [ssl.Certificate.loadPEM(block + _PEM_END + b"\n") for block in blocks]
    except crypto.Error as error:
        raise ValueError(f"{path} holds a certificate that cannot be read") from error


def _private_key(path: str) -> crypto.PKey:
    """The key of a PEM file; an encrypted one is refused, for nobody is there to be asked for a passphrase."""
    try:
        return crypto.load_privatekey(crypto.FILETYPE_PEM, Path(path).read_bytes(), passphrase=b"")
    except crypto.Error as error:
        raise ValueError(f"{path} holds no private key, or an encrypted one") from error


def _client_certificate(options: BackendOptions) -> ssl.PrivateCertificate | None:
    if not options.tls_cert:
        return None
    pair = ssl.KeyPair(_private_key(options.tls_key))
    made = ssl.PrivateCertificate.fromCertificateAndKeyPair(_certificates(options.tls_cert)[0], pair)
    return cast(ssl.PrivateCertificate, made)


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
