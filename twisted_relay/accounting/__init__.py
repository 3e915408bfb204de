"""Who uses a forward proxy and where they go: the largest, in bounded memory. Nothing is sent."""
