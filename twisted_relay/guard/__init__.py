"""The guard: which addresses nobody reaches by asking a forward proxy, and which hosts are none."""
