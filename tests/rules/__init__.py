"""Rules of forward proxies."""
