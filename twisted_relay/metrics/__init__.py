"""All metrics: one table (`table`), what it reads (`sources`), what is counted for it (`requests`), how it is shown.

Nothing on the path of a request calls prometheus_client: counters are plain numbers on our own objects, read when
somebody scrapes.
"""
