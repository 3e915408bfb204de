"""Why a name has no address, as the error that clients and logs are told."""

from twisted_relay.errors import NameNotResolved, NameTimeout, RelayError, TooManyLookups
from twisted_relay.names.for_clients import TOO_MANY
from twisted_relay.names.resolver import Resolver

_RCODES = {"nxdomain": "NXDOMAIN", "empty": "NOERROR", "servfail": "SERVFAIL", "refused": "REFUSED"}
"""What name servers have answered, by the word for it in `names.reply`. The others are no answers."""


def unresolved(resolver: Resolver, host: str, named: str = "") -> RelayError:
    """The error for a name that was looked up in vain; `named` is what the text calls it."""
    failed = resolver.failure(host)
    text = f"no address is known for {named or host}"
    if failed == TOO_MANY:
        return TooManyLookups(f"{text}: the client has too many names looked up already")
    if failed == "timeout":
        return NameTimeout(f"{text}: name servers do not answer")
    return NameNotResolved(text, _RCODES.get(failed, ""))
