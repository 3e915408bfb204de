"""Makes `twistd relay` known to Twisted.

Every start of any `twistd` imports this file, so it imports nothing of ours: `ServiceMaker` loads `twisted_relay.tap`
when the sub-command is really used. There is no `__init__.py` in `twisted/` or `twisted/plugins/`, and there must
never be one: these folders only add a file to Twisted's own plugin package.
"""

from twisted.application.service import ServiceMaker

relay = ServiceMaker(
    "Twisted Relay",
    "twisted_relay.tap",
    "A reverse proxy and load balancer from one INI file.",
    "relay",
)
