"""The messages of SOCKS5 (RFC 1928) and of its user names and passwords (RFC 1929), without I/O.

`server` is the side that is asked, `client` the side that asks; `codes` and `addresses` belong to both.
"""
