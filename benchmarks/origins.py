"""The servers behind the proxies: nginx for answers and a large file, `stream_origin.py` for bodies of every kind."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import descriptors, free_port, running

HERE = Path(__file__).parent
HELLO = b"Hello, World!\n"
ANSWER_BYTES = 3600
WRITE_BYTES = 1024 * 1024


def json_answer() -> bytes:
    """A list of products of about 3.6 kB, as a shop's API gives it; the same in every run."""
    products: list[dict[str, object]] = []
    while len(json.dumps({"page": 2, "items": products})) < ANSWER_BYTES - 120:
        number = len(products) + 1
        products.append(
            {
                "id": 41000 + 37 * number,
                "name": f"Steel kettle, {number} litre",
                "price": {"amount": f"{19 + number}.90", "currency": "EUR"},
                "stock": number * 7 % 31,
                "tags": ["kitchen", "steel", "gift"],
                "image": f"https://img.example.org/p/{41000 + 37 * number}/main.webp",
            }
        )
    return json.dumps({"page": 2, "items": products}).encode()


@contextmanager
def web_origin(directory: Path, body_bytes: int) -> Iterator[int]:
    """Run nginx: `/`, `/hello`, `/json`, and `/body` of `body_bytes`; its port."""
    files = directory / "files"
    files.mkdir()
    with (files / "body").open("wb") as body:
        for start in range(0, body_bytes, WRITE_BYTES):
            body.write(bytes(min(WRITE_BYTES, body_bytes - start)))
    port = free_port()
    configuration = directory / "origin.conf"
    values = {
        "DIRECTORY": str(directory),
        "PORT": str(port),
        "DESCRIPTORS": str(descriptors()),
        "JSON": json_answer().decode(),
    }
    configuration.write_text(fill_in((HERE / "configurations" / "origin.conf").read_text(), values))
    command = ("nginx", "-e", "stderr", "-c", str(configuration))
    with running(command, port, directory / "origin.log"):
        yield port


@contextmanager
def stream_origin(directory: Path) -> Iterator[int]:
    """Run `stream_origin.py`; its port."""
    port = free_port()
    with running((sys.executable, str(HERE / "stream_origin.py"), str(port)), port, directory / "stream_origin.log"):
        yield port


def fill_in(template: str, values: dict[str, str]) -> str:
    """A template with every `@NAME@` replaced."""
    for name, value in values.items():
        template = template.replace(f"@{name}@", value)
    return template
