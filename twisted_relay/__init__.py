"""twisted_relay: forward proxy, reverse proxy and load balancer in one process, on Twisted."""

__version__ = "0.1.0.dev0"
