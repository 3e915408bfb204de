"""`relay hash-password`: a line for `users_file`. The password is read without being shown, never from arguments."""

import argparse
import getpass
import sys
from unicodedata import normalize

from twisted_relay.auth.credentials import LONGEST_PASSWORD
from twisted_relay.auth.hashes import make_argon2id, make_bcrypt
from twisted_relay.config.password_file import CHEAP_BCRYPT, MOST_BCRYPT, MOST_LANES, MOST_MEMORY, MOST_PASSES
from twisted_relay.config.scalars import parse_size
from twisted_relay.config.user_names import name_problem, normal_name
from twisted_relay.config.words import BadValue

BCRYPT_COST = 12
ARGON2_MEMORY = 19 * 1024
"""KiB; with two passes and one lane it is what OWASP's Password Storage Cheat Sheet gives as the least."""
ARGON2_PASSES, ARGON2_LANES = 2, 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    parser.add_argument("user", nargs="?", metavar="USER", help="print USER:HASH; without it only the hash is printed")
    parser.add_argument("--type", choices=("bcrypt", "argon2id"), default="bcrypt", help="default: bcrypt")
    parser.add_argument("--cost", type=int, metavar="N", help=f"of bcrypt; default {BCRYPT_COST}, each step doubles it")
    parser.add_argument("--memory", metavar="SIZE", help="of argon2id; default 19M")
    parser.add_argument("--passes", type=int, metavar="N", help=f"of argon2id; default {ARGON2_PASSES}")
    parser.add_argument("--lanes", type=int, metavar="N", help=f"of argon2id; default {ARGON2_LANES}")


def run(arguments: argparse.Namespace) -> int:
    """Print the line; 0 when it could be done, 1 if the password cannot be taken, 2 for wrong use."""
    try:
        name = _name(arguments.user)
        bcrypt_cost, argon2_cost = _bcrypt_cost(arguments), _argon2_cost(arguments)
    except _Refused as error:
        return _complain(error, 2)
    try:
        password = _password()
        if arguments.type == "bcrypt":
            hashed = make_bcrypt(password, bcrypt_cost)
        else:
            hashed = make_argon2id(password, *argon2_cost)
    except ValueError as error:
        return _complain(error, 1)
    print(hashed if name is None else f"{name}:{hashed}")
    return 0


class _Refused(ValueError):
    """What was given cannot be used."""


def _complain(error: ValueError, status: int) -> int:
    print(f"relay hash-password: error: {error}", file=sys.stderr)
    return status


def _name(given: str | None) -> str | None:
    if given is None:
        return None
    name = normal_name(given)
    problem = name_problem(name) or ("a line that begins with # is a remark" if name.startswith("#") else "")
    if problem or name.strip() != name:
        raise _Refused(problem or "a name has no white space around it")
    return name


def _bcrypt_cost(arguments: argparse.Namespace) -> int:
    if arguments.cost is not None and arguments.type != "bcrypt":
        raise _Refused("--cost belongs to --type bcrypt")
    return _within(arguments.cost, BCRYPT_COST, (CHEAP_BCRYPT, MOST_BCRYPT), "--cost")


def _argon2_cost(arguments: argparse.Namespace) -> tuple[int, int, int]:
    """Memory in KiB, passes, lanes."""
    given = (arguments.memory, arguments.passes, arguments.lanes)
    if arguments.type != "argon2id" and any(each is not None for each in given):
        raise _Refused("--memory, --passes and --lanes belong to --type argon2id")
    lanes = _within(arguments.lanes, ARGON2_LANES, (1, MOST_LANES), "--lanes")
    try:
        memory = None if arguments.memory is None else parse_size(arguments.memory) // 1024
    except BadValue as bad:
        raise _Refused(f"--memory: {bad}; write a size such as 64M") from None
    if memory is not None and not 1024 <= memory <= MOST_MEMORY:
        raise _Refused(f"--memory is from 1M to {MOST_MEMORY // 1024}M")
    passes = _within(arguments.passes, ARGON2_PASSES, (1, MOST_PASSES), "--passes")
    return memory or ARGON2_MEMORY, passes, lanes


def _within(given: int | None, default: int, bounds: tuple[int, int], option: str) -> int:
    if given is None:
        return default
    least, most = bounds
    if not least <= given <= most:
        raise _Refused(f"{option} is from {least} to {most}")
    return given


def _password() -> bytes:
    """The password, asked for twice on a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        text = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != text:
            raise _Refused("the two are not the same")
    else:
        text = sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise _Refused("the password is empty")
    try:
        password = normalize("NFC", text).encode("utf-8")
    except UnicodeEncodeError:
        raise _Refused("the password is not UTF-8") from None
    if any(octet < 32 or octet == 127 for octet in password):
        raise _Refused("a password has no control characters")
    if len(password) > LONGEST_PASSWORD:
        raise _Refused(f"a password has at most {LONGEST_PASSWORD} bytes")
    return password
