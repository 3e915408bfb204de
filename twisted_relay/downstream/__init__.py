"""Towards clients: listeners and the protocols that speak with whoever connects. Knows nothing of servers."""
