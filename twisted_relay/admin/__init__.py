"""The private side of the daemon: metrics and health, over plain HTTP on addresses of their own."""
