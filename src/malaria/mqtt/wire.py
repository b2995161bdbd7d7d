"""The kinds of value that stand in a packet, each with how it is read and written.

Reading never goes past the end of the packet and never trusts a length: what does not fit is a `MalformedPacket`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from malaria.errors import MalformedPacket

LONGEST_STRING: Final = 0xFFFF


class Reader:
    """A packet's body, read from front to back."""

    __slots__ = ("_at", "_body")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
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
class Kind:
    """How one kind of value is read and written."""

    read: Callable[[Reader], Any]
    write: Callable[[Any], bytes]


def read_string(reader: Reader) -> str:
    """A UTF-8 string with its length before it (section 1.5.3)."""
    raw = read_binary(reader)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedPacket("a string is no UTF-8", "MQTT-1.5.3-1") from None
    if "\0" in text:
        raise MalformedPacket("a string holds U+0000", "MQTT-1.5.3-2")
    return text


def write_string(text: str) -> bytes:
    return write_binary(text.encode("utf-8"))


def read_binary(reader: Reader) -> bytes:
    return reader.take(_U16.unpack(reader.take(2))[0])


def write_binary(raw: bytes) -> bytes:
    """Raises ValueError for more than 65,535 bytes: a string's length has two bytes."""
    if len(raw) > LONGEST_STRING:
        raise ValueError(f"{len(raw):,} bytes do not fit into a field of at most {LONGEST_STRING:,}")
    return _U16.pack(len(raw)) + raw


def read_packet_id(reader: Reader) -> int:
    packet_id: int = _U16.unpack(reader.take(2))[0]
    if not packet_id:
        raise MalformedPacket("packet id 0", "MQTT-2.3.1-1")
    return packet_id


def read_requested(reader: Reader) -> tuple[tuple[str, int], ...]:
    """Filters with the QoS asked for, at least one (section 3.8.3)."""
    filters: list[tuple[str, int]] = []
    while not reader.done:
        filter_, qos = read_string(reader), reader.take(1)[0]
        if qos > 2:
            raise MalformedPacket(f"SUBSCRIBE asks for QoS {qos}", "MQTT-3.8.3-4")
        filters.append((filter_, qos))
    if not filters:
        raise MalformedPacket("SUBSCRIBE without a filter", "MQTT-3.8.3-3")
    return tuple(filters)


def read_granted(reader: Reader) -> tuple[int, ...]:
    codes = tuple(reader.rest())
    if not codes or any(code not in (0, 1, 2, 0x80) for code in codes):
        raise MalformedPacket("SUBACK with a return code that does not exist", "MQTT-3.9.3-2")
    return codes


def read_strings(reader: Reader) -> tuple[str, ...]:
    strings: list[str] = []
    while not reader.done:
        strings.append(read_string(reader))
    if not strings:
        raise MalformedPacket("UNSUBSCRIBE without a filter", "MQTT-3.10.3-2")
    return tuple(strings)


_U16: Final = struct.Struct(">H")

BYTE: Final = Kind(lambda reader: reader.take(1)[0], lambda value: bytes((value,)))
SHORT: Final = Kind(lambda reader: _U16.unpack(reader.take(2))[0], _U16.pack)
PACKET_ID: Final = Kind(read_packet_id, _U16.pack)
STRING: Final = Kind(read_string, write_string)
BINARY: Final = Kind(read_binary, write_binary)
REST: Final = Kind(Reader.rest, bytes)
REQUESTED: Final = Kind(read_requested, lambda filters: b"".join(write_string(f) + bytes((qos,)) for f, qos in filters))
GRANTED: Final = Kind(read_granted, bytes)
STRINGS: Final = Kind(read_strings, lambda strings: b"".join(map(write_string, strings)))
