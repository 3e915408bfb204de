"""What a TLS client is told before its tunnel ends: one alert that is not encrypted (RFC 8446 §6)."""


def _fatal(description: int) -> bytes:
    return bytes((0x15, 3, 3, 0, 2, 2, description))


UNRECOGNIZED_NAME = _fatal(112)
"""The name is refused. Not `access_denied`: browsers take that for trouble with a certificate of the client's own."""
DECODE_ERROR = _fatal(50)
"""The hello cannot be read, or does not end."""
