"""The types of the values in a warhead: each is read from TOML and written back.

Promises: a value that is written reads back equal. Every refusal is a NotationError: a sentence, and
what to write instead.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from malaria.clock import NS_PER_MS, NS_PER_S, NS_PER_US
from malaria.model.table import NAME
from malaria.schedule.payload import SIZE_PATTERN, Content, parse_size, plain_size
from malaria.units import DURATION_PATTERN, RATE_PATTERN, NotationError, parse_duration_ns, parse_rate

SOURCE_FILE: Final = "file:"
AUTO: Final = "auto"
FOR_EVER_S: Final = 0xFFFFFFFF
"""A session expiry interval that never ends (MQTT 5, 3.1.2.11.2)."""
V5: Final = "5"
PROTOCOLS: Final = ("3.1.1", V5)
NEVER: Final = "never"

_DURATION_UNITS: Final = (
    ("h", 3600 * NS_PER_S),
    ("m", 60 * NS_PER_S),
    ("s", NS_PER_S),
    ("ms", NS_PER_MS),
)


def duration_text(duration_ns: int) -> str:
    """Return a short text that `parse_duration_ns` reads back to exactly this: 10m, 1500ms, 14.050973508s."""
    if not duration_ns:
        return "0"
    for unit, unit_ns in _DURATION_UNITS:
        if duration_ns % unit_ns == 0:
            return f"{duration_ns // unit_ns}{unit}"
    if duration_ns > NS_PER_S:  # nobody reads 14050973508ns
        seconds, rest_ns = divmod(duration_ns, NS_PER_S)
        return f"{seconds}.{rest_ns:09d}".rstrip("0") + "s"
    return f"{duration_ns // NS_PER_US}us" if duration_ns % NS_PER_US == 0 else f"{duration_ns}ns"


def interval_entry(interval: Fraction) -> tuple[str, str]:
    """Return key and text of an interval: a duration if it is whole nanoseconds, else a rate."""
    interval_ns = interval * NS_PER_S
    # 1/3 s is no whole number of nanoseconds: only the rate, 3, reads back equal
    if interval_ns.denominator == 1:
        return "interval", duration_text(int(interval_ns))
    return "rate", str(1 / interval)


def interval_of_rate(value: Any) -> Fraction:
    return 1 / parse_rate(value)


def _interval(value: Any) -> Fraction:
    return value if isinstance(value, Fraction) else Fraction(parse_duration_ns(value), NS_PER_S)


def _pace(value: Any) -> Fraction:
    """Read a rate. 0 is allowed and sets no pace."""
    return Fraction(0) if value in (0, "0") and not isinstance(value, bool) else parse_rate(value)


def _whole_seconds(value: Any) -> int:
    seconds, rest = divmod(parse_duration_ns(value), NS_PER_S)
    if rest or seconds > 65535:
        raise NotationError(f"{value!r} is not a keep-alive", "write whole seconds from 0 (none) to 65535, such as 60")
    return seconds


def _expiry(value: Any) -> int | None:
    if value is None or value == NEVER:
        return None if value is None else FOR_EVER_S
    # as a duration the specification's number for ever would be over the longest one
    if isinstance(value, int) and value == FOR_EVER_S:
        return FOR_EVER_S
    seconds, rest = divmod(parse_duration_ns(value), NS_PER_S)
    if rest or seconds >= FOR_EVER_S:
        raise NotationError(f"{value!r} is not an expiry", 'write whole seconds, such as 60 or "10m"')
    return seconds


def _expiry_back(expiry_s: int | None) -> str | None:
    if expiry_s is None:
        return None
    return NEVER if expiry_s == FOR_EVER_S else duration_text(expiry_s * NS_PER_S)


def _protocol(value: Any) -> str | None:
    if value is not None and str(value) not in PROTOCOLS:
        raise NotationError(f"MQTT {value!r} is not supported", 'write "3.1.1" or "5"')
    return None if value is None else str(value)


def _user_properties(value: Any) -> Any:
    """Read a table of names, each with a text or a list of texts."""
    if not isinstance(value, Mapping):
        return value
    return tuple(
        (name, text) for name, texts in value.items() for text in (texts if isinstance(texts, list) else [texts])
    )


def _user_properties_back(pairs: tuple[tuple[str, str], ...]) -> dict[str, str | list[str]]:
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        texts.setdefault(name, []).append(text)
    return {name: several if len(several) > 1 else several[0] for name, several in texts.items()}


def _fraction(value: Any) -> Fraction:
    try:
        fraction = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        # outside of the bounds, so that the check below refuses it
        fraction = Fraction(-1)
    if not 0 <= fraction <= 1 or isinstance(value, bool):
        raise NotationError(
            f"{value!r} is not a part of the interval", 'write a number from 0 to 1, such as 0.5 or "1/3"'
        )
    return fraction


def _share(value: Any) -> float:
    text = str(value).strip()
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1 or isinstance(value, bool):
        raise NotationError(f"{value!r} is not a share", 'write one above 0, at most 1: "5%" or 0.05')
    return share


def _size(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise NotationError(f"{value!r} is not a size", 'write bytes: 500, "500~25" or "100-900"')
    # raises for a text that is no size
    parse_size(value)
    # 0500, 0.5k and 500 are one size, and all are stored as 500
    return plain_size(str(value))


def _size_back(size: str) -> int | str:
    return int(size) if size.isdigit() else size


def _payload(value: Any) -> str:
    if isinstance(value, str) and (value in set(Content) or (":" in value and not value.endswith(":"))):
        return value
    listed = ", ".join(f'"{content}"' for content in Content)
    raise NotationError(f"{value!r} is not a payload", f'write {listed}, "file:PATH" or "module:function"')


def _reconnect(value: Any) -> tuple[int, int] | None:
    # None is how the model stores "never"
    if value == NEVER or value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise NotationError(
            f"{value!r} is not a reconnect time", 'write the first and the longest wait, ["1s", "30s"], or "never"'
        )
    first_ns, most_ns = (parse_duration_ns(part) for part in value)
    if not 0 < first_ns <= most_ns:
        raise NotationError(f"{value!r}: the first wait must be over 0 and at most the longest", 'write ["1s", "30s"]')
    return first_ns, most_ns


def _reconnect_back(waits_ns: tuple[int, int] | None) -> list[str] | str:
    return NEVER if waits_ns is None else [duration_text(wait_ns) for wait_ns in waits_ns]


def _sources(value: Any) -> tuple[str, ...]:
    if value == AUTO:
        return (AUTO,)
    if not isinstance(value, list | tuple):
        raise NotationError(f"{value!r} is not a list of addresses", 'write ["10.0.0.3", "10.0.0.4"] or "auto"')
    return (AUTO,) if tuple(value) == (AUTO,) else tuple(_ip(part) for part in value)


def _ip(value: Any) -> str:
    try:
        return str(ipaddress.ip_address(value if isinstance(value, str) else ""))
    except ValueError:
        raise NotationError(f"{value!r} is not an IP address", 'write one such as "10.0.0.3"') from None


def _sources_back(sources: tuple[str, ...]) -> list[str] | str:
    return AUTO if sources == (AUTO,) else list(sources)


def _text(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


_DURATION: Final[dict[str, Any]] = {
    NAME: "Duration",
    "anyOf": [{"type": "number", "minimum": 0}, _text(DURATION_PATTERN)],
}
_RATE: Final[dict[str, Any]] = {NAME: "Rate", "anyOf": [{"type": "number", "minimum": 0}, _text(RATE_PATTERN)]}
TEXTS: Final[dict[str, Any]] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
"""The schema of a text, or a list of texts."""

RATE_SCHEMA: Final = {"description": 'Messages per second and client, in place of `interval`: 0.166, "1/6".', **_RATE}
"""`rate` is a key of the file alone: it becomes `interval` before values are looked at."""

# The second line of each type is what a JSON Schema says of it: the notation of the file, not the value read from it.
type DurationNs = Annotated[
    int, BeforeValidator(parse_duration_ns), PlainSerializer(duration_text),
    WithJsonSchema(_DURATION),
]  # fmt: skip
type Interval = Annotated[
    Fraction, BeforeValidator(_interval),
    WithJsonSchema(_DURATION),
]  # fmt: skip
type ConnectRate = Annotated[
    Fraction, BeforeValidator(_pace), PlainSerializer(str),
    WithJsonSchema(_RATE),
]  # fmt: skip
type PartOfInterval = Annotated[
    Fraction, BeforeValidator(_fraction), PlainSerializer(str),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, _text("[0-9./ ]+")]}),
]  # fmt: skip
type ShareOfOne = Annotated[
    float, BeforeValidator(_share), PlainSerializer(lambda share: f"{100 * share:g}%"),
    WithJsonSchema({NAME: "ShareOfOne", "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1}, _text(r"\s*[0-9]+(\.[0-9]+)?\s*%?\s*")]}),
]  # fmt: skip
type KeepaliveS = Annotated[
    int, BeforeValidator(_whole_seconds),
    WithJsonSchema(_DURATION),
]  # fmt: skip
type ExpiryS = Annotated[
    int | None, BeforeValidator(_expiry), PlainSerializer(_expiry_back),
    WithJsonSchema({"anyOf": [_DURATION, {"const": NEVER}]}),
]  # fmt: skip
type ProtocolText = Annotated[
    str | None, BeforeValidator(_protocol),
    WithJsonSchema({"enum": [*PROTOCOLS, 5]}),
]  # fmt: skip
type UserProperties = Annotated[
    tuple[tuple[str, str], ...], BeforeValidator(_user_properties), PlainSerializer(_user_properties_back),
    WithJsonSchema({"type": "object", "additionalProperties": TEXTS}),
]  # fmt: skip
type SizeText = Annotated[
    str, BeforeValidator(_size), PlainSerializer(_size_back),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, _text(SIZE_PATTERN)]}),
]  # fmt: skip
type PayloadText = Annotated[
    str, BeforeValidator(_payload),
    WithJsonSchema({"anyOf": [{"enum": [str(content) for content in Content]}, _text("[^:]+:.*[^:]")]}),
]  # fmt: skip
type ReconnectNs = Annotated[
    tuple[int, int] | None, BeforeValidator(_reconnect), PlainSerializer(_reconnect_back),
    WithJsonSchema({"anyOf": [{"const": NEVER}, {"type": "array", "items": _DURATION, "minItems": 2, "maxItems": 2}]}),
]  # fmt: skip
type Sources = Annotated[
    tuple[str, ...], BeforeValidator(_sources), PlainSerializer(_sources_back),
    WithJsonSchema({"anyOf": [{"const": AUTO}, {"type": "array", "items": {"type": "string"}}]}),
]  # fmt: skip
type Qos = Annotated[int, Field(strict=True, ge=0, le=2)]
type Flag = Annotated[bool, Field(strict=True)]
type Count = Annotated[int, Field(strict=True, ge=1, le=100_000_000)]
