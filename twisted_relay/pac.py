"""A PAC file: the configuration of a forward proxy as the JavaScript that browsers ask for every request.

Source of its form: Netscape's "Proxy Auto-Config File Format" of 1996, which all browsers follow. The script calls none
of the functions that they offer: some of these ask name servers and let the browser wait. It is written in the language
of that time, because Windows still reads it with such an engine. Nothing of rules, lists or users is in it.
"""

import json
from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from typing import Final

from twisted_relay.config.tree import ListenerOptions
from twisted_relay.config.values import Address, AllowedDestination, Network, PacDirect, PacProxy

LOCAL: Final = tuple(map(ip_network, ("127.0.0.0/8", "::1", "169.254.0.0/16", "fe80::/10")))
"""Addresses that mean another machine for the proxy than for the browser."""
PRIVATE: Final = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
"""Private addresses: RFC 1918, 6598, 4193."""

_DIRECTIVES = {"http": "PROXY", "https": "HTTPS", "socks5": "SOCKS5"}

_BEGINNING = """\
// Proxy auto-configuration, made by relay.
var PROXIES = %s;
"""
_REST = """\
// Names behind a dot: 1 for the name alone, 2 for all names below it too. Networks: words of 16 bits, length of prefix.
var DIRECT_NAMES = %s;
var DIRECT_NETWORKS = %s;
var PROXIED_NAMES = %s;
var PROXIED_NETWORKS = %s;
var INNER_NETWORKS = %s;
var PLAIN_NAMES_ARE_DIRECT = %s;

function FindProxyForURL(url, host) {
  host = String(host).toLowerCase().replace(/^\\[|\\]$/g, "").replace(/%%.*$/, "").replace(/\\.$/, "");
  var address = ipv4(host) || ipv6(host);
  if (address ? within(address, DIRECT_NETWORKS) : named(host, DIRECT_NAMES)) return "DIRECT";
  if (address ? within(address, PROXIED_NETWORKS) : named(host, PROXIED_NAMES)) return PROXIES;
  if (address ? within(address, INNER_NETWORKS) : PLAIN_NAMES_ARE_DIRECT && isPlain(host)) return "DIRECT";
  return PROXIES;
}

function isPlain(host) {
  if (/^(0x[0-9a-f]*|[0-9]+)$/.test(host)) return false;
  return /^[^.:]+$/.test(host) || /\\.localhost$/.test(host);
}

function named(host, names) {
  var name = "." + host, least = 1;
  while (!(Object.prototype.hasOwnProperty.call(names, name) && names[name] >= least)) {
    var dot = name.indexOf(".", 1);
    if (dot < 0) return false;
    name = name.substring(dot);
    least = 2;
  }
  return true;
}

function within(address, networks) {
  for (var i = 0; i < networks.length; i++) {
    var words = networks[i][0], left = networks[i][1], j = 0;
    if (words.length !== address.length) continue;
    for (; left > 0; left -= 16, j++) {
      var mask = left >= 16 ? 65535 : 65535 << (16 - left) & 65535;
      if ((address[j] & mask) !== words[j]) break;
    }
    if (left <= 0) return true;
  }
  return false;
}

function ipv4(host) {
  var parts = /^([0-9]{1,3})\\.([0-9]{1,3})\\.([0-9]{1,3})\\.([0-9]{1,3})$/.exec(host);
  if (!parts) return null;
  for (var i = 1; i < 5; i++) if (+parts[i] > 255) return null;
  return [parts[1] * 256 + +parts[2], parts[3] * 256 + +parts[4]];
}

function ipv6(host) {
  if (host.indexOf(":") < 0) return null;
  var colon = host.lastIndexOf(":") + 1;
  var last = ipv4(host.substring(colon));
  if (last) host = host.substring(0, colon) + last[0].toString(16) + ":" + last[1].toString(16);
  var halves = host.split("::");
  if (halves.length > 2) return null;
  var parts = halves[0] ? halves[0].split(":") : [];
  var rest = halves[1] ? halves[1].split(":") : [];
  var missing = 8 - parts.length - rest.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  for (; missing > 0; missing--) parts.push("0");
  parts = parts.concat(rest);
  for (var i = 0; i < 8; i++) {
    if (!/^[0-9a-f]{1,4}$/.test(parts[i])) return null;
    parts[i] = parseInt(parts[i], 16);
  }
  return parts;
}
"""


def own_address(options: ListenerOptions) -> Address | None:
    """Where a listener is reached as far as its options say: the first of its addresses that is one in full."""
    for bind in options.bind:
        if isinstance(bind, Address) and bind.port and bind.host not in ("", "0.0.0.0", "::"):
            return bind
    return None


class PacScript:
    """The file of one listener. Made once: of what differs from one browser to the next is only the first line."""

    def __init__(self, options: ListenerOptions) -> None:
        self._options = options
        self._rest = _rest(options)

    def text(self, own: Address) -> str:
        """The file for browsers that reach the listener as `own`, in ASCII."""
        return _BEGINNING % _literal(_directives(self._options, own)) + self._rest


def _rest(options: ListenerOptions) -> str:
    direct = options.pac_direct
    inner = (LOCAL if "local" in direct else ()) + (PRIVATE if "private" in direct else ())
    proxied = [each for each in options.allow_destination if _would_be_direct(each, direct, inner)]
    return _REST % (
        _literal(_names(direct)),
        _literal(_networks(direct)),
        _literal(_names(proxied)),
        _literal(_networks(proxied)),
        _literal([_network(each) for each in inner]),
        _literal("local" in direct),
    )


def _would_be_direct(allowed: AllowedDestination, direct: Sequence[PacDirect], inner: Sequence[Network]) -> bool:
    """Whether the two words could take something of an exception from the guard: what they leave to the proxy anyway
    need not stand in the file, where everybody can read it."""
    if allowed.network is not None:
        return any(allowed.network.overlaps(each) for each in inner)
    name = allowed.name.removeprefix(".")
    return "local" in direct and ("." not in name or name.endswith(".localhost"))


def _literal(value: object) -> str:
    """A value as JavaScript: JSON in ASCII, in which nothing ends a script or a line."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _directives(options: ListenerOptions, own: Address) -> str:
    """What a browser shall try, in its order."""
    usual = "https" if options.tls else "http"
    proxies = options.pac_proxy or (PacProxy("", own),)
    return "; ".join(
        "DIRECT" if each.kind == "direct" else f"{_DIRECTIVES[each.kind or usual]} {each.address}" for each in proxies
    )


def _names(given: Iterable[PacDirect]) -> dict[str, int]:
    """Names, each with how much of it is meant; where it stands twice, the wider. The dot keeps `__proto__` a name."""
    names: dict[str, int] = {}
    for each in given:
        if isinstance(each, AllowedDestination) and each.network is None:
            name = "." + each.name.removeprefix(".")
            names[name] = max(names.get(name, 1), 1 + each.name.startswith("."))
    return names


def _networks(given: Sequence[PacDirect]) -> list[tuple[list[int], int]]:
    return [_network(each.network) for each in given if isinstance(each, AllowedDestination) and each.network]


def _network(network: Network) -> tuple[list[int], int]:
    packed = network.network_address.packed
    return [packed[i] * 256 + packed[i + 1] for i in range(0, len(packed), 2)], network.prefixlen
