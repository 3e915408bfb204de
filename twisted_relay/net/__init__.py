"""Transports and timers below the protocols: Twisted's, where they cost too much replaced by thinner ones."""
