"""The section that says who may come: users, their groups, and what happens to those who guess."""

# ruff: noqa: RUF009 (option() makes a dataclass field)

from dataclasses import dataclass, field

from twisted_relay.config.addresses import NETWORKS
from twisted_relay.config.lockout import LOCKOUT
from twisted_relay.config.option import option, required
from twisted_relay.config.realm import OWN_FIELD_NAME, REALM
from twisted_relay.config.scalars import ANY_TIME, BOOLEAN, PATH, choice
from twisted_relay.config.user_names import GROUPS
from twisted_relay.config.values import NOWHERE, GroupSpec, Location, LockoutSpec, Network


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthOptions:
    """Who may come: routes and forward listeners name it with `auth`."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    type: str = option(
        choice("basic"),
        "basic",
        "How clients say who they are: `basic` is a name and a password in every request (RFC 7617). They are only "
        "secret on a connection with TLS.",
        "basic",
    )
    users_file: str = required(
        PATH,
        "",
        "File with `USER:HASH` on each line, as `relay hash-password` and `htpasswd -B` print it. Hashes are bcrypt or "
        "argon2id; all others are refused. It is read again when it changes; a file with a mistake leaves the users as "
        "they were, and the log says so.",
        "/etc/relay/htpasswd",
    )
    groups_file: str = option(
        PATH,
        "",
        "File with `GROUP: USER USER` on each line. It is read again as `users_file` is.",
        "/etc/relay/groups",
    )
    groups: tuple[GroupSpec, ...] = option(
        GROUPS,
        (),
        "Groups of users, one on each line, beside those of `groups_file`.",
        "ops: alice bob\nguests: carol",
    )
    realm: str = option(
        REALM,
        "relay",
        "What clients are told that the password is for. Browsers show it, or keep one password for each realm.",
        "Example Ltd proxy",
    )
    cache: float = option(
        ANY_TIME,
        300.0,
        "How long a client that has given the right password is believed without hashing it again. A user whose line "
        "changes or goes is not believed any longer. 0 hashes for every request, which few servers can bear.",
        "1m",
    )
    lockout: LockoutSpec | None = option(
        LOCKOUT,
        LockoutSpec(10, 300.0),
        "After so many wrong passwords within this time, the user and the client's address (of IPv6 its /64) are "
        "answered 429 until fewer lie within it. `off` lets clients guess for ever.",
        "5 failures in 1m",
    )
    lockout_exempt: tuple[Network, ...] = option(
        NETWORKS,
        (),
        "Addresses that are never locked out, because many clients stand behind them: load balancers, NAT. Users are "
        "locked out there too.",
        "10.0.0.5 10.0.0.6",
    )
    reload: float = option(
        ANY_TIME,
        5.0,
        "How often relay looks whether the files have changed. 0 reads them only at the start.",
        "1m",
    )
    forward_credentials: bool = option(
        BOOLEAN,
        False,
        "Whether the servers behind a route see `Authorization`. Without it they do not learn the password. What was "
        "meant for a forward proxy never goes further.",
        "on",
    )
    user_header: str = option(
        OWN_FIELD_NAME,
        "",
        "A field that tells the servers behind a route the name of the user, in UTF-8. Whatever clients write there is "
        "removed.",
        "X-Forwarded-User",
    )
