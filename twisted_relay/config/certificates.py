"""Reads certificates and keys when the configuration is loaded, so that a bad one is found before it is needed.

Knows nothing of sections. Files are PEM (RFC 7468).
"""

import os
import stat
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from twisted_relay.config.words import BadValue, Fault, quoted

LARGEST_PEM = 4 * 1024 * 1024
"""The bundle of all public authorities is about 200 kB."""


def read_certificates(path: str) -> list[x509.Certificate]:
    """The certificates of a file, at least one; raises `BadValue` that names the file."""
    data = read_bounded(path, LARGEST_PEM)
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError as error:
        hint = "write a file that has -----BEGIN CERTIFICATE----- in it"
        raise BadValue(Fault(f"{quoted(path)} has no valid certificate: {_first_line(error)}", hint)) from None
    return found


def read_key(path: str) -> bytes:
    """The public part of a private key file, to be compared; raises `BadValue` that names the file."""
    data = read_bounded(path, LARGEST_PEM)
    try:
        key = load_pem_private_key(data, None)
    except TypeError:
        hint = "decrypt it, and let only relay read the file"
        raise BadValue(Fault(f"the private key in {quoted(path)} is encrypted", hint)) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        hint = "write a file that has -----BEGIN PRIVATE KEY----- in it"
        raise BadValue(Fault(f"{quoted(path)} has no valid private key: {_first_line(error)}", hint)) from None
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def public_part(certificate: x509.Certificate) -> bytes:
    """The public key of a certificate, to be compared."""
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def validity_problem(certificate: x509.Certificate, now: datetime) -> str:
    """Why a certificate is not valid at this time, or an empty text."""
    if certificate.not_valid_after_utc < now:
        return f"the certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if certificate.not_valid_before_utc > now:
        return f"the certificate is valid only from {certificate.not_valid_before_utc:%Y-%m-%d}"
    return ""


def now() -> datetime:
    """The time that certificates are compared with."""
    return datetime.now(UTC)


def is_readable_by_all(path: str) -> bool:
    """Whether every user of the machine may read a file."""
    return bool(os.stat(path).st_mode & stat.S_IROTH)


def read_bounded(path: str, limit: int) -> bytes:
    """The content of a file of at most this size; raises `BadValue` that names the file."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise BadValue(Fault(f"{quoted(path)} is not a file"))
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadValue(Fault(f"cannot read {quoted(path)}: {reason}")) from None
    if len(data) > limit:
        raise BadValue(Fault(f"{quoted(path)} is larger than {limit // 1024 // 1024} MiB"))
    return data


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["unreadable"])[0].split(". ")[0].rstrip(".")
