"""The section of certificates: tls."""

from dataclasses import dataclass, field

from twisted_relay.config.option import option, required
from twisted_relay.config.scalars import PATH, choice
from twisted_relay.config.values import NOWHERE, Location


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSOptions:
    """A certificate, which listeners name with `tls`."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    cert: str = required(
        PATH,
        "",
        "File with the certificate and the intermediate certificates after it, in PEM format.",
        "/etc/relay/tls/fullchain.pem",
    )
    key: str = required(
        PATH,
        "",
        "File with the private key of the certificate, in PEM format, not encrypted. Only relay should be able to "
        "read it.",
        "/etc/relay/tls/privkey.pem",
    )
    min_version: str = option(
        choice("1.2", "1.3"),
        "1.2",
        "Oldest version of TLS that is spoken.",
        "1.3",
    )
