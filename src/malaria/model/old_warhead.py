"""Read the warheads of the mqtt-malaria of 2013: lines of commands that each bee ran, one after the other.

    # 150 clients at 1/6 Hz, 500 bytes, 1000 messages each
    malaria publish -P 150 -n 1000 -T 0.166 -s 500 -t -H %(malaria_target)s

Promises: every option of that version does what it did, or is refused; a line that cannot be a group of a
warhead (a shell command, what follows an attack without an end) is refused. Groups are for one bee, as there.
What is different: a message's number counts from 0; its time stamp (-t) is inside of the stated size; no mosquitto is
started per client as a bridge (-b), because TLS-PSK is spoken here.
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NoReturn

from malaria.clock import NS_PER_S
from malaria.errors import WarheadError
from malaria.model.fields import duration_text
from malaria.model.placeholders import literal
from malaria.model.target import DEFAULT_PORT, Scheme
from malaria.units import NotationError, parse_duration_ns, parse_rate

SUFFIXES: Final = frozenset({".wh", ".warhead", ".nossl"})
TARGET: Final = "%(malaria_target)s"
TOPIC: Final = "mqtt-malaria/{client}/data/{seq}/{messages}"
WATCHED: Final = "mqtt-malaria/+/data/#"
REMEDY: Final = "write it as a warhead in TOML; see `malaria docs warhead`"
_DECIMAL: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{0,18})?|\.[0-9]{1,18}")

type OldGroup = dict[str, Any]


def is_old(name: str) -> bool:
    """Tell whether a file of this name is a warhead of 2013."""
    return any(name.endswith(suffix) for suffix in SUFFIXES)


def old_table(text: str, name: str) -> dict[str, Any]:
    """Return the tables of a warhead that makes the same load. Raises WarheadError that names the line."""
    table: dict[str, Any] = {"group": []}
    start_ns: int | None = 0
    for number, line in _lines(text):
        words = _words(line, f"{name}: line {number}")
        # lines ran one after the other: what follows a line without an end never began
        if start_ns is None:
            _refuse(f"{name}: line {number}", "comes after a command whose end is not known (-T says how fast)")
        start_ns = _READERS[words[0]](words[1:], table, start_ns, f"{name}: line {number}")
    if not table["group"]:
        raise WarheadError(f"{name}: there is no command in it", "write a line such as: malaria publish -P 10 -T 1")
    return table


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and line[0] not in "#;":
            yield number, line


def _words(line: str, place: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        _refuse(place, f"is not a command: {error}")
    # the command was often written with its path
    if words[0].rpartition("/")[2] == "malaria":
        words = words[1:]
    if not words or words[0] not in _READERS:
        _refuse(place, f"{line.strip()[:60]!r} is neither malaria publish nor malaria subscribe nor sleep")
    return words


def _refuse(place: str, message: str) -> NoReturn:
    raise WarheadError(f"{place}: {message}", REMEDY)


# --- the commands --------------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """An argparse parser that raises WarheadError."""

    place = ""

    def error(self, message: str) -> NoReturn:
        _refuse(self.place, message)


def _publish(words: list[str], table: dict[str, Any], start_ns: int, place: str) -> int | None:
    options = _parsed(PUBLISH, words, place)
    group: OldGroup = {
        "name": _name("publishers", table),
        "clients": options.processes * options.thread_ratio,
        "qos": options.qos,
        "messages": options.msg_count,
        "size": _size(options.msg_size),
        "topic": TOPIC,
    }
    group |= _pace(options.msgs_per_second, options.jitter, place) | _identity(options)
    table["group"].append(_begun(group, start_ns))
    _reach(table, options, place)
    if "rate" not in group:
        return None
    return start_ns + int(options.msg_count / parse_rate(group["rate"]) * NS_PER_S)


def _subscribe(words: list[str], table: dict[str, Any], start_ns: int, place: str) -> int | None:
    options = _parsed(SUBSCRIBE, words, place)
    group = {"name": _name("subscribers", table), "role": "subscribe", "clients": 1, "qos": options.qos,
             "topic": options.topic}  # fmt: skip
    table["group"].append(_begun(group, start_ns))
    _reach(table, options, place)
    return None


def _sleep(words: list[str], table: dict[str, Any], start_ns: int, place: str) -> int:
    try:
        return start_ns + sum(parse_duration_ns(word) for word in words)
    except NotationError as error:
        _refuse(place, error.message)


_READERS: Final[Mapping[str, Callable[[list[str], dict[str, Any], int, str], int | None]]] = {
    "publish": _publish,
    "subscribe": _subscribe,
    "sleep": _sleep,
}
"""Command -> reads its words into the table, and says when the next one begins (None: unknown)."""


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


_number.__name__ = "number over 0"  # argparse says it when it refuses

type ArgparseOptions = dict[tuple[str, ...], dict[str, Any]]

_COMMON: Final[ArgparseOptions] = {
    ("-c", "--clientid"): {},
    ("-H", "--host"): {"default": TARGET},
    ("-p", "--port"): {"type": _number},
    ("-q", "--qos"): {"type": int, "choices": (0, 1, 2), "default": 1},
}
PUBLISH: Final[ArgparseOptions] = _COMMON | {
    ("-n", "--msg_count"): {"type": _number, "default": 10},
    ("-s", "--msg_size"): {"type": _number, "default": 100},
    ("-t", "--timing"): {"action": "store_true"},
    ("-T", "--msgs_per_second"): {},
    ("--jitter",): {"default": "0.1"},
    ("-P", "--processes"): {"type": _number, "default": 1},
    ("--thread_ratio",): {"type": _number, "default": 1},
    ("-b", "--bridge"): {"action": "store_true"},
    ("--psk_file",): {},
}
SUBSCRIBE: Final[ArgparseOptions] = _COMMON | {
    ("-n", "--msg_count"): {"type": _number},
    ("-N", "--client_count"): {"type": _number},
    ("-t", "--topic"): {"default": WATCHED},
}


def _parsed(options: ArgparseOptions, words: list[str], place: str) -> argparse.Namespace:
    parser = _Parser(add_help=False, allow_abbrev=True)
    parser.place = place
    for flags, settings in options.items():
        parser.add_argument(*flags, **settings)
    return parser.parse_args(words)


# --- the values ----------------------------------------------------------------------------------------------------


def _name(word: str, table: dict[str, Any]) -> str:
    # groups need names of their own, and lines had none
    taken = sum(group["name"].startswith(word) for group in table["group"])
    return f"{word}-{taken + 1}" if taken else word


def _size(mean: int) -> str | int:
    """Return the size as the tool of 2013 drew it: normal, with a deviation of one twentieth, in whole bytes."""
    return f"{mean}~{mean // 20}" if mean // 20 else mean


def _pace(rate: str | None, jitter: str, place: str) -> OldGroup:
    # without -T the tool of 2013 sent as fast as it could
    if rate is None or _decimal(rate, place) == 0:
        return {"interval": "0"}
    try:
        group: OldGroup = {"rate": str(parse_rate(rate))}
    except NotationError as error:
        _refuse(place, error.message)
    return group | ({"arrival": "jitter", "jitter": jitter} if _decimal(jitter, place) else {})


def _decimal(text: str, place: str) -> float:
    if not _DECIMAL.fullmatch(text):
        _refuse(place, f"{text[:60]!r} is not a number")
    return float(text)


def _identity(options: argparse.Namespace) -> OldGroup:
    """Return the client id: the PSK identity if there are keys, else the given name and a number."""
    # each client had the identity of its key as its id
    if options.psk_file is not None:
        return {"client_id": "{identity}"}
    name = literal(options.clientid or "")
    return {"client_id": f"{name}-{{index}}"} if name else {}


def _begun(group: OldGroup, start_ns: int) -> OldGroup:
    return group | ({"start_after": duration_text(start_ns)} if start_ns else {})


def _reach(table: dict[str, Any], options: argparse.Namespace, place: str) -> None:
    """Put the host and the file of keys of a line into `[target]`. The usual host is left out."""
    target: dict[str, Any] = {}
    psk_file = getattr(options, "psk_file", None)
    if psk_file is not None:
        target["psk_file"] = psk_file
    if options.host != TARGET:
        tls = psk_file is not None or options.port == DEFAULT_PORT[Scheme.MQTTS]
        # -p had one default in 2013, with or without keys
        port = options.port or DEFAULT_PORT[Scheme.MQTT]
        target["url"] = f"{Scheme.MQTTS if tls else Scheme.MQTT}://{options.host}:{port}"
    # a warhead has one target; the lines of 2013 could each name another
    if table.setdefault("target", target) != target:
        _refuse(place, "goes to another target than the line before")
