"""The users and groups that rules name, against those whom the listener's [auth:NAME] section knows."""

from collections.abc import Collection, Iterator

from twisted_relay.config.build import Section
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.password_file import read_group_file, read_password_file
from twisted_relay.config.rules import named_in
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.config.tree import AuthOptions, ListenerOptions
from twisted_relay.config.user_names import normal_name
from twisted_relay.config.words import BadValue, Value, Word, quoted


def check_names(listener: Section, value: Value, auths: dict[str, Section], report: Report) -> None:
    """Report names in the rules of a listener that nobody can have; `value` is that of `rule`."""
    options = listener.options
    assert isinstance(options, ListenerOptions)
    if "auth" not in listener.given:
        _nobody_is_asked(listener, value, report)
        return
    auth = auths.get(options.auth)
    if auth is None or not isinstance(auth.options, AuthOptions):
        return
    _check_users(auth, auth.options, value, report)
    _check_groups(auth, auth.options, value, report)


def _nobody_is_asked(listener: Section, value: Value, report: Report) -> None:
    first = next(((kind, word) for kind, word in _named(value)), None)
    if first is not None:
        kind, word = first
        message = f"{listener.title} has these rules and asks nobody for a name: there is no {kind} {quoted(word.text)}"
        report.error(word.span, "no-auth", message, f"give {listener.title} the option auth")


def _named(value: Value) -> Iterator[tuple[str, Word]]:
    for kind in ("user", "group"):
        yield from ((kind, word) for word in named_in(value, kind))


def _check_users(auth: Section, options: AuthOptions, value: Value, report: Report) -> None:
    """An unknown user may come into the file while relay runs."""
    users = _users_of(options)
    if users is None:
        return
    for word in named_in(value, "user"):
        if normal_name(word.text) not in users:
            message = f"{auth.title} has no user {quoted(word.text)}"
            report.warning(word.span, "no-such-name", message, did_you_mean(word.text, users))


def _check_groups(auth: Section, options: AuthOptions, value: Value, report: Report) -> None:
    """An unknown group is an error, but for one that a file may get while relay runs."""
    groups = _groups_of(options)
    if groups is None:
        return
    say = report.warning if options.groups_file else report.error
    for word in named_in(value, "group"):
        if normal_name(word.text) not in groups:
            help = did_you_mean(word.text, groups) or f"write it in groups of {auth.title}"
            say(word.span, "no-such-name", f"{auth.title} has no group {quoted(word.text)}", help)


def _groups_of(options: AuthOptions) -> Collection[str] | None:
    """The groups that there are now; None if their file cannot be read, which is reported elsewhere."""
    try:
        in_file = read_group_file(options.groups_file) if options.groups_file else ()
    except BadValue:
        return None
    return {group.name for group in (*options.groups, *in_file)}


def _users_of(options: AuthOptions) -> Collection[str] | None:
    """The users that there are now; None if their file cannot be read."""
    try:
        return read_password_file(options.users_file).hashes if options.users_file else None
    except BadValue:
        return None
