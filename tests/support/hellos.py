"""TLS hellos made of their parts, also of parts that do not fit together."""

SERVER_NAME, ECH, GREASE = 0, 0xFE0D, 0x1A1A


def vector(content: bytes, length: int) -> bytes:
    """The content with its length before it, in so many octets."""
    return len(content).to_bytes(length) + content


def named(*names: bytes, kind: int = 0) -> tuple[int, bytes]:
    """A server_name extension."""
    return SERVER_NAME, vector(b"".join(bytes((kind,)) + vector(name, 2) for name in names), 2)


def body(*extensions: tuple[int, bytes]) -> bytes:
    """A hello without its headers."""
    fields = b"\x03\x03" + b"r" * 32 + vector(b"s" * 32, 1) + vector(b"\x13\x01", 2) + vector(b"\0", 1)
    return fields + vector(b"".join(kind.to_bytes(2) + vector(content, 2) for kind, content in extensions), 2)


def message(content: bytes) -> bytes:
    """A handshake message: a hello."""
    return b"\x01" + vector(content, 3)


def record(content: bytes, kind: int = 0x16) -> bytes:
    """One record."""
    return bytes((kind, 3, 1)) + vector(content, 2)


def records(content: bytes, size: int) -> bytes:
    """The same octets in records of this size."""
    return b"".join(record(content[at : at + size]) for at in range(0, len(content), size))


def hello(*names: str, extensions: tuple[tuple[int, bytes], ...] = ()) -> bytes:
    """A hello that asks for these names, or for none, in one record."""
    first = (named(*(name.encode("latin-1") for name in names)),) if names else ()
    return record(message(body((GREASE, b""), *first, *extensions)))
