"""The types of the fields of a packet: how each is read and written, and its rules.

Reading never goes past the end of the packet: a length that does not fit is a `MalformedPacket`. A value that breaks a
rule is neither read (`MalformedPacket`) nor written (ValueError).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from malaria.errors import MalformedPacket

LONGEST_STRING: Final = 0xFFFF
LARGEST_VARINT: Final = 268_435_455
"""Four bytes of seven bits (MQTT 3.1.1, 2.2.3; MQTT 5, 1.5.5)."""
_QOS_BITS: Final = 0x03
_NO_LOCAL: Final = 0x04
_RETAIN_HANDLING: Final = 0x30
_RESERVED_OPTIONS: Final = 0xC0


class Reader:
    """The body of a packet, read from front to back."""

    __slots__ = ("_at", "_body")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        end = self._at + count
        if end > len(self._body):
            raise MalformedPacket("the packet ends inside a field", "MQTT-1.5")
        taken = self._body[self._at : end]
        self._at = end
        return taken

    def rest(self) -> bytes:
        return self.take(len(self._body) - self._at)

    @property
    def done(self) -> bool:
        return self._at == len(self._body)


@dataclass(frozen=True, slots=True)
class WireRule:
    """A rule of the specification: `broken` looks at a value, `says` and `clause` name the fault."""

    broken: Callable[[Any], bool]
    says: str
    clause: str


@dataclass(frozen=True, slots=True)
class FieldType:
    """The functions that read and write a kind of value, and the rules that hold for both."""

    read: Callable[[Reader], Any]
    write: Callable[[Any], bytes]
    rules: tuple[WireRule, ...] = ()


def read_byte(reader: Reader) -> int:
    return reader.take(1)[0]


def read_short(reader: Reader) -> int:
    return int.from_bytes(reader.take(2))


def write_short(value: int) -> bytes:
    """Write two bytes. Raises ValueError for a value that does not fit."""
    if not 0 <= value <= LONGEST_STRING:
        raise ValueError(f"{value:,} does not fit into a field of at most {LONGEST_STRING:,}")
    return value.to_bytes(2)


def read_long(reader: Reader) -> int:
    return int.from_bytes(reader.take(4))


def write_long(value: int) -> bytes:
    """Write four bytes. Raises ValueError for a value that does not fit."""
    if not 0 <= value <= 0xFFFFFFFF:
        raise ValueError(f"{value:,} does not fit into four bytes")
    return value.to_bytes(4)


def read_varint(reader: Reader) -> int:
    """Read seven bits a byte, lowest first, in as few bytes as the value needs, at most four (MQTT 5, 1.5.5)."""
    value = shift = 0
    for _ in range(4):
        byte = reader.take(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if shift and not byte:
                raise MalformedPacket("a variable byte integer in more bytes than it needs", "MQTT-1.5.5-1")
            return value
        shift += 7
    raise MalformedPacket("a variable byte integer of more than four bytes", "MQTT-1.5.5-1")


def write_varint(value: int) -> bytes:
    """Write a variable byte integer. Raises ValueError over 268,435,455."""
    if not 0 <= value <= LARGEST_VARINT:
        raise ValueError(f"{value:,} does not fit into a variable byte integer")
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def read_pair(reader: Reader) -> tuple[str, str]:
    return read_string(reader), read_string(reader)


def write_pair(pair: tuple[str, str]) -> bytes:
    return write_string(pair[0]) + write_string(pair[1])


def read_binary(reader: Reader) -> bytes:
    return reader.take(read_short(reader))


def write_binary(raw: bytes) -> bytes:
    """Write bytes with their length in two bytes. Raises ValueError for more than 65,535 bytes."""
    return write_short(len(raw)) + raw


def read_string(reader: Reader) -> str:
    """Read a UTF-8 string with its length before it (section 1.5.3)."""
    try:
        return read_binary(reader).decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedPacket("a string is no UTF-8", "MQTT-1.5.3-1") from None


def write_string(text: str) -> bytes:
    return write_binary(text.encode("utf-8"))


def read_requested(reader: Reader) -> tuple[tuple[str, int], ...]:
    """Read filters with the requested QoS (section 3.8.3)."""
    filters: list[tuple[str, int]] = []
    while not reader.done:
        filters.append((read_string(reader), read_byte(reader)))
    return tuple(filters)


def write_requested(filters: tuple[tuple[str, int], ...]) -> bytes:
    return b"".join(write_string(filter_) + bytes((qos,)) for filter_, qos in filters)


def read_strings(reader: Reader) -> tuple[str, ...]:
    strings: list[str] = []
    while not reader.done:
        strings.append(read_string(reader))
    return tuple(strings)


def write_strings(strings: tuple[str, ...]) -> bytes:
    return b"".join(map(write_string, strings))


def _nul(*texts: str) -> bool:
    return any("\0" in text for text in texts)


_NUL: Final = "a string holds U+0000", "MQTT-1.5.3-2"

BYTE: Final = FieldType(read_byte, lambda value: bytes((value,)))
SHORT: Final = FieldType(read_short, write_short)
PACKET_ID: Final = FieldType(
    read_short, write_short, (WireRule(lambda value: value == 0, "packet id 0", "MQTT-2.3.1-1"),)
)
STRING: Final = FieldType(read_string, write_string, (WireRule(_nul, *_NUL),))
BINARY: Final = FieldType(read_binary, write_binary)
REST: Final = FieldType(Reader.rest, bytes)
REQUESTED: Final = FieldType(
    read_requested,
    write_requested,
    (
        WireRule(lambda filters: not filters, "SUBSCRIBE without a filter", "MQTT-3.8.3-3"),
        WireRule(
            lambda filters: any(qos > 2 for _, qos in filters), "SUBSCRIBE asks for QoS 3 or more", "MQTT-3.8.3-4"
        ),
        WireRule(lambda filters: _nul(*(filter_ for filter_, _ in filters)), *_NUL),
    ),
)
LONG: Final = FieldType(read_long, write_long)
VARINT: Final = FieldType(read_varint, write_varint)
PAIR: Final = FieldType(read_pair, write_pair, (WireRule(lambda pair: _nul(*pair), *_NUL),))
OPTIONS: Final = FieldType(
    read_requested,
    write_requested,
    (
        WireRule(lambda filters: not filters, "SUBSCRIBE without a filter", "MQTT-3.8.3-2"),
        WireRule(
            lambda filters: any(
                options & _QOS_BITS == _QOS_BITS
                or options & _RETAIN_HANDLING == _RETAIN_HANDLING
                or options & _RESERVED_OPTIONS
                for _, options in filters
            ),
            "SUBSCRIBE with options that do not exist",
            "MQTT-3.8.3-5",
        ),
        WireRule(
            lambda filters: any(options & _NO_LOCAL and name.startswith("$share/") for name, options in filters),
            "SUBSCRIBE asks for no-local on a shared subscription",
            "MQTT-3.8.3-4",
        ),
        WireRule(lambda filters: _nul(*(filter_ for filter_, _ in filters)), *_NUL),
    ),
)
"""What SUBSCRIBE asks for in MQTT 5."""
CODES: Final = FieldType(
    lambda reader: tuple(reader.rest()), bytes, (WireRule(lambda codes: not codes, "no reason code", "MQTT-3.9.3-1"),)
)
"""Reason codes of SUBACK and UNSUBACK in MQTT 5."""
GRANTED: Final = FieldType(
    lambda reader: tuple(reader.rest()),
    bytes,
    (
        WireRule(lambda codes: not codes, "SUBACK without a return code", "MQTT-3.9.3-1"),
        WireRule(
            lambda codes: not {0, 1, 2, 0x80}.issuperset(codes),
            "SUBACK with a return code that does not exist",
            "MQTT-3.9.3-2",
        ),
    ),
)
STRINGS: Final = FieldType(
    read_strings,
    write_strings,
    (
        WireRule(lambda strings: not strings, "UNSUBSCRIBE without a filter", "MQTT-3.10.3-2"),
        WireRule(lambda strings: _nul(*strings), *_NUL),
    ),
)


def text_fault(text: str) -> str | None:
    """Say why MQTT cannot carry a text as a string [MQTT-1.5.3-1, MQTT-1.5.3-2]; None if it can."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # bytes of the command line that are not UTF-8 come as surrogates
        return "is not text in UTF-8"
    if size > LONGEST_STRING:
        return f"is longer than {LONGEST_STRING:,} bytes"
    return "holds U+0000" if "\0" in text else None
