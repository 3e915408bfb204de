"""What clients of a forward proxy may do: rules in order, of which the first that matches decides."""

from twisted_relay.rules.asked import Asked, Listed
from twisted_relay.rules.rules import NEEDS_ADDRESSES, Rules, Ruling, Verdict

__all__ = ["NEEDS_ADDRESSES", "Asked", "Listed", "Rules", "Ruling", "Verdict"]
