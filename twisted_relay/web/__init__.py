"""Twisted's own web interfaces over our backends, for programs that are built on Twisted."""

from twisted_relay.web.agent import BalancingAgent
from twisted_relay.web.forward import ProxyResource
from twisted_relay.web.reverse import ReverseProxyResource

__all__ = ["BalancingAgent", "ProxyResource", "ReverseProxyResource"]
