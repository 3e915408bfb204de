"""X-Request-Id: the name by which the logs of all who handle a request know it (no RFC; as Envoy and Heroku use it).

Ids of one process share a random beginning and are counted; they are unique, and not meant to be secret.
"""

import os
import re
from itertools import count

LONGEST = 128
"""Octets that an id of a client may have."""

_WELL_FORMED = re.compile(rb"[\x21-\x7e]{1,%d}" % LONGEST)
_PREFIX = os.urandom(8).hex().encode("ascii")
_next = count(1).__next__


def new_request_id() -> bytes:
    """An id that no other request has."""
    return b"%b%x" % (_PREFIX, _next())


def is_request_id(value: bytes) -> bool:
    """Whether a client's id may be kept: visible ASCII, not too long."""
    return _WELL_FORMED.fullmatch(value) is not None
