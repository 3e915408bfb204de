"""The section that says what clients of a forward proxy may do."""

from dataclasses import dataclass, field

from twisted_relay.config.option import option, required
from twisted_relay.config.rule_values import RuleSpec
from twisted_relay.config.rules import RULES
from twisted_relay.config.scalars import BOOLEAN
from twisted_relay.config.values import NOWHERE, Location
from twisted_relay.config.week import TIMEZONE


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesOptions:
    """What clients of a forward proxy may do; listeners name it with `rules`.

    The first rule that matches decides. A rule is `allow` or `deny`, and conditions; all conditions on a line must
    hold, of the words behind one condition one is enough, and `not` before a condition turns it round. `allow` may end
    with `parent NAME`: then the request goes through that parent, or with `parent direct` through none. It may end with
    `limit RATE`, such as `limit 10MB/s`: all that the rule allows goes no faster together, each way.

    | Condition | What must be so |
    |---|---|
    | `user NAME…` | the user has authenticated under this name |
    | `group NAME…` | the user is in this group |
    | `client NETWORK…` | the client's address is in this network |
    | `domain NAME…` | the client asks for this name; `.example.org` takes `example.org` and all names below it |
    | `destination NETWORK…` | the address is in this network; of a name, each that it resolves to is judged |
    | `port PORT…` | the port is this, or in this range: `8000-8999` |
    | `method METHOD…` | the method is this one; tunnels are opened with `CONNECT` |
    | `url PATTERN…` | the URL is this: `*` is any characters, after `~` stands an expression; tunnels have none |
    | `list NAME…` | the name or address is in the `[list:NAME]` section |
    | `time DAYS HOURS…` | it is this part of the week: `Mon-Fri 09:00-12:00 13:00-17:00 Sat` |
    """

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    rule: tuple[RuleSpec, ...] = required(
        RULES,
        (),
        "The rules, one on each line, in their order. The last is `allow all` or `deny all`.",
        "deny domain .social.example time Mon-Fri 09:00-17:00\nallow group staff\ndeny all",
    )
    timezone: str = option(
        TIMEZONE,
        "local",
        "The zone in which `time` is meant, with its daylight saving time; `local` is that of the machine.",
        "Europe/Berlin",
    )
    tell_rule: bool = option(
        BOOLEAN,
        False,
        "Whether a client that is refused is told which rule it was, by file and line. The log always says so.",
        "on",
    )
