"""The answer of `relay explain` as text: what was asked, each route with its reason, what is sent, who may get it.

Reads the JSON of the answer, so it is the same whether the daemon or a file was asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

JSON = Mapping[str, object]


class Signs:
    """Yes and no, as far as the terminal's encoding has them."""

    def __init__(self, encoding: str) -> None:
        try:
            "✓✗".encode(encoding)
        except UnicodeError:
            self.yes, self.no = "+", "-"
        else:
            self.yes, self.no = "✓", "✗"


def as_text(answer: JSON, encoding: str = "utf-8") -> str:
    """The whole answer; `encoding` is that of the terminal."""
    signs = Signs(encoding)
    parts = [_request(answer), _auth(answer)]
    if "rules" in answer:
        parts += [_rules(cast("list[JSON]", answer["rules"]), signs)]
        parts += [_answer(answer) if answer["forwarded"] is None else _outside(answer)]
        if answer.get("sni") is not None:
            parts += _inside(cast(JSON, answer["sni"]), signs)
        if answer.get("parent") is not None:
            parts += [_backend(cast(JSON, answer["backend"]), signs), _retries(cast(JSON, answer["backend"]), signs)]
        return "\n\n".join("\n".join(part) for part in parts if part)
    parts.append(_routes(answer, signs))
    if answer["forwarded"] is not None:
        parts += [_forwarded(answer), _backend(cast(JSON, answer["backend"]), signs)]
        parts += [_retries(cast(JSON, answer["backend"]), signs), _limits(answer)]
    elif answer["answer"] is not None:
        parts.append(_answer(answer))
    return "\n\n".join("\n".join(part) for part in parts if part)


def _request(answer: JSON) -> list[str]:
    request = cast(JSON, answer["request"])
    when = "as the running daemon would take it now" if answer.get("live") else "with every server up and idle"
    lines = [
        f"{request['scheme']} request from {request['client']} to listener {request['listener']}{_at(request)}, {when}"
    ]
    return [*lines, *_indented(cast("list[str]", request["head"]))]


def _auth(answer: JSON) -> list[str]:
    """Who may pass; what follows is for them."""
    name = answer.get("auth")
    return [f"only for users of [auth:{name}]; for one of them:"] if name else []


def _rules(rules: list[JSON], signs: Signs) -> list[str]:
    """Each rule up to the one that decides, with what it looked at."""
    marks = {True: signs.yes, False: signs.no, None: "?"}
    rows = [
        (marks[cast("bool | None", each["matches"])], f"{each['rule']}", f"{each['where']}", f"{each['why']}")
        for each in rules
    ]
    more = ["    what follows depends on it: name it with --address"] if rules and rules[-1]["matches"] is None else []
    return ["rules", *columns(rows), *more] if rows else []


def _outside(answer: JSON) -> list[str]:
    """What leaves for where the client says."""
    forwarded, parent = cast(JSON, answer["forwarded"]), cast(JSON | None, answer.get("parent"))
    head = cast("list[str]", forwarded["head"])
    how = "if the guard allows its address"
    if parent is not None:
        how = f"through parent {parent['name']}: {parent['why']}"
    line = f"{'sent' if head else 'a tunnel'} to {forwarded['server']}, {how}"
    straight = ["straight to it if none of these can be used"] if parent is not None and parent["direct"] else []
    return [line, *straight, *_indented(head)]


def _inside(sni: JSON, signs: Signs) -> list[list[str]]:
    """What is said of the name inside the tunnel."""
    name, refused = sni["name"], cast("dict[str, str] | None", sni["refused"])
    if not sni["looked_at"]:
        return [[f"nobody looks for {name} in the tunnel: {sni['why']}"]]
    if not name:
        return [["then the name in its TLS hello is judged too: ask with --sni NAME"]]
    rules = cast("list[JSON]", sni["rules"])
    end = "the tunnel stays open"
    if refused:
        end = f"the tunnel is closed after the TLS hello ({refused['reason']}): {refused['text']}"
    elif rules and rules[-1]["matches"] is None:
        end += ", if the rules allow it"
    return [[f"its TLS hello asks for {name}"], _rules(rules, signs), [end]]


def _routes(answer: JSON, signs: Signs) -> list[str]:
    routes = cast("list[dict[str, str]]", answer["routes"])
    if not routes:
        return []
    rows = [
        (signs.yes if each["matches"] else signs.no, _title(each, answer), each["where"], each["why"] or "takes it")
        for each in routes
    ]
    left = cast(int, answer["not_asked"])
    more = [f"    {left} more {'is' if left == 1 else 'are'} not asked"] if left else []
    return ["routes", *columns(rows), *more]


def _title(route: Mapping[str, str], answer: JSON) -> str:
    request = cast("dict[str, str]", answer["request"])
    return route["name"] or f"what else comes to {request['listener']}"


def _answer(answer: JSON) -> list[str]:
    response = cast(JSON, answer["answer"])
    refused = cast("dict[str, str] | None", answer["refused"])
    if refused is not None:
        return [f"refused: {refused['status']} ({refused['reason']}): {refused['text']}"]
    return [f"relay answers itself: {response['status']}", *_indented(cast("list[str]", response["fields"]))]


def _forwarded(answer: JSON) -> list[str]:
    forwarded = cast(JSON, answer["forwarded"])
    return [f"sent to {forwarded['server'] or 'a server'}", *_indented(cast("list[str]", forwarded["head"]))]


def _backend(backend: JSON, signs: Signs) -> list[str]:
    candidates = cast("list[JSON]", backend["candidates"])
    others = cast("list[JSON]", backend["others"])
    rows = [(f"{each['order']}", *_server(each)) for each in candidates]
    rows += [(signs.no, *_server(each)) for each in others]
    return [
        f"{titled(backend['name'])}{_at(backend)}, {backend['balance']}: {backend['outcome']}",
        *columns(rows),
        *_around(backend),
    ]


def titled(name: object) -> str:
    """A group of servers by its name: `backend app`, `parent hq`."""
    return f"{name}".replace(":", " ", 1) if ":" in f"{name}" else f"backend {name}"


def _server(server: JSON) -> tuple[str, ...]:
    kind = " backup" if server["backup"] else f" tier {server['tier']}" if server["tier"] != 1 else ""
    weight = f"weight {server['weight']}"
    if server["share"] != server["weight"]:
        weight += f" (now {server['share']:g})"
    limit = f" of {server['limit']}" if server["limit"] else ""
    return (
        f"{server['name']}",
        f"{server['address']}" if server["address"] != server["name"] else "",
        f"{server['state']}{kind}",
        weight,
        f"{server['active_requests']}{limit} running",
        f"{server['why']}",
    )


def _around(backend: JSON) -> Iterator[str]:
    """Tiers, breaker and queue, where there is something to say."""
    tiers = cast("list[JSON]", backend["tiers"])
    if len(tiers) > 1 or any(each["panics"] for each in tiers):
        parts = [f"{each['tier']}: {each['load']} %{', panic' if each['panics'] else ''}" for each in tiers]
        yield f"  tiers    {'; '.join(parts)}"
    if backend["discover"]:
        yield f"  servers  also found by {backend['discover']}"
    breaker = cast("dict[str, str] | None", backend["breaker"])
    if breaker is not None:
        yield f"  breaker  {breaker['state']}{': ' + breaker['reason'] if breaker['reason'] else ''}"
    queue = cast("dict[str, float]", backend["queue"])
    if queue["length"]:
        yield f"  queue    {queue['length']} of at most {queue['limit']} wait"


def _retries(backend: JSON, signs: Signs) -> list[str]:
    retries = cast(JSON, backend["retries"])
    most = cast(int, retries["most"])
    if not most:
        return ["tried once", *_hedge(backend)]
    after = cast("list[str]", retries["after"])
    statuses = cast("list[int]", retries["statuses"])
    if statuses:
        after = [*after, f"it answers {spans(statuses)}"]
    lines = [f"tried again up to {most} time{'s' * (most != 1)}, on another server if there is one, when"]
    lines += [f"  {signs.yes} {each}" for each in after]
    lines += [f"  {signs.no} {each}" for each in cast("list[str]", retries["not_after"])]
    budget = cast(JSON | None, retries["budget"])
    if budget is not None:
        lines.append(f"  budget {budget['option']}: {budget['left']} left now, {budget['active']} under way")
    return [*lines, *_hedge(backend)]


def _hedge(backend: JSON) -> Iterator[str]:
    hedge = cast(JSON | None, backend["hedge"])
    if hedge is not None and hedge["applies"]:
        after = cast(float | None, hedge["after"])
        when = "once more is known of its route" if after is None else f"after {after * 1000:g} ms"
        yield f"a second server is asked too, {when}"


def spans(numbers: Sequence[int]) -> str:
    """Rising numbers, neighbours as `502-504`."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts)


def _limits(answer: JSON) -> list[str]:
    limits = cast("dict[str, float]", answer["limits"])
    times = cast("dict[str, float]", cast(JSON, answer["backend"])["times"])
    rows = [(name, f"{limit:g}" if limit else "no limit") for name, limit in limits.items()]
    rows += [(name, f"{seconds:g} s" if seconds else "no limit") for name, seconds in times.items()]
    return ["limits", *columns(rows)]


def _at(section: JSON) -> str:
    return f" ({section['where']})" if section["where"] else ""


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as indented lines, their columns below each other; columns that are empty everywhere are left out."""
    if not rows:
        return []
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width).rstrip()
        for row in rows
    ]
