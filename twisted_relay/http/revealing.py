"""Names of fields in which clients, and proxies before us, say who the client is (no standard; by custom of many)."""

_REVEALING = frozenset(
    b"x-real-ip client-ip x-client-ip true-client-ip cf-connecting-ip cf-connecting-ipv6 fastly-client-ip "
    b"x-cluster-client-ip x-azure-clientip x-azure-socketip x-appengine-user-ip x-envoy-external-address "
    b"x-originating-ip x-remote-ip x-remote-addr x-proxyuser-ip proxy-client-ip wl-proxy-client-ip "
    b"x-forwarded x-original-forwarded-for x-original-host x-bluecoat-via x-proxy-id".split()
)
"""Besides all that begin with `X-Forwarded-`, and Forwarded and Via, which gateways read too."""


def reveals(name: bytes) -> bool:
    """Whether a field, in whatever spelling, says who the client is; `X_Real_IP` is the same to some servers."""
    plain = name.lower().replace(b"_", b"-")
    return plain in _REVEALING or plain.startswith(b"x-forwarded-")
