"""The parser of `eject_outliers`: how far below the others a server must succeed to be taken out."""

import re

from twisted_relay.config.option import Parser, one_line
from twisted_relay.config.scalars import MOST
from twisted_relay.config.settings import Settings, with_settings
from twisted_relay.config.values import OutlierSpec
from twisted_relay.config.words import Text, not_valid, parse_words

OUTLIERS_HELP = "write off, on, or how many standard deviations below the mean: 1.9 stdev requests=100 servers=5"
SETTINGS_HELP = "here may stand requests=NUMBER, servers=NUMBER and margin=PERCENTAGE"


def _parse_deviations(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,2}(?:\.[0-9]{1,3})?", text) or not 0.0 < float(text) <= 10.0:
        raise not_valid(text, "write a number above 0, up to 10, such as 1.9")
    return float(text)


def _parse_requests(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= MOST:
        raise not_valid(text, f"write a whole number from 1 to {MOST}")
    return int(text)


def _parse_servers(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) < 3:
        raise not_valid(text, "write a whole number from 3: of two, neither is the exception")
    return int(text)


def _parse_margin(text: str) -> float:
    number = text.removesuffix("%")
    if text == number or not re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{1,3})?", number) or float(number) >= 100:
        raise not_valid(text, "write a percentage from 0% to below 100%")
    return float(number) / 100


_SETTINGS: Settings = {
    "requests": ("requests", _parse_requests),
    "servers": ("servers", _parse_servers),
    "margin": ("margin", _parse_margin),
}


def _parse(line: Text) -> OutlierSpec | None:
    if line.text == "off":
        return None
    words = line.words()
    if words[0].text == "on":
        return with_settings(OutlierSpec(), words[1:], _SETTINGS, SETTINGS_HELP)
    if len(words) < 2 or words[1].text != "stdev":
        raise not_valid(line.text, OUTLIERS_HELP)
    (deviations,) = parse_words(words[:1], _parse_deviations)
    return with_settings(OutlierSpec(deviations), words[2:], _SETTINGS, SETTINGS_HELP)


def show_outliers(spec: OutlierSpec | None) -> str:
    """The outliers that are taken out, as it is written."""
    if spec is None:
        return "off"
    margin = f"{spec.margin * 100:g}%"
    return f"{spec.deviations:g} stdev requests={spec.requests} servers={spec.servers} margin={margin}"


OUTLIERS: Parser[OutlierSpec | None] = one_line("N stdev, `on` or `off`", _parse, show_outliers)
