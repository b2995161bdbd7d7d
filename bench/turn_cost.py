"""Time of Python for a read and its refill: one turn of an engine whose sockets take all and give prepared answers.

No kernel, no broker: what differs between two versions of the engine's hot modules shows on a busy machine too.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Final

from bench.closed_loop import CLIENTS
from bench.plain_client import SIZE
from bench.secured import TESTS
from bench.show import Figure, middle, show
from malaria.clock import now_ns
from malaria.engine.publish_schedule import PublishSpan
from malaria.model.warhead import Warhead
from malaria.transport.poller import READ
from malaria.transport.websocket import WebSocketStream

ROUNDS: Final = 3
MESSAGES: Final = 40_000


@dataclass(frozen=True, slots=True)
class Case:
    """Answers to `batch` messages of each client, whose window is full, in one read."""

    window: int
    batch: int
    qos: int = 1
    protocol: str = "3.1.1"
    websocket: bool = False
    clients: int = 1

    @property
    def name(self) -> str:
        way = " over WebSocket" if self.websocket else ""
        return f"{self.clients} x {self.batch} of {self.window}, QoS {self.qos}, MQTT {self.protocol}{way}"


CASES: Final = (
    *(Case(*sizes) for sizes in ((1, 1), (2, 2), (8, 8), (20, 5), (20, 20), (100, 50), (1000, 128))),
    *(Case(20, batch, **kind) for kind in ({"qos": 2}, {"protocol": "5"}, {"websocket": True}) for batch in (5, 20)),
    *(Case(*sizes, clients=CLIENTS) for sizes in ((8, 4), (8, 8), (20, 20))),
)


class Wire:
    """A connection that takes all bytes and gives the same answer until it is changed."""

    answer = b""

    def send(self, data: bytes | bytearray | memoryview, /) -> int:
        return len(data)

    def recv_into(self, view: memoryview, /) -> int:
        view[: len(self.answer)] = self.answer
        return len(self.answer)

    def fileno(self) -> int:
        return -1


def main() -> None:
    sys.path.append(str(TESTS))
    figures = []
    for case in CASES:
        us = min(_us_per_batch(case) for _ in range(ROUNDS))
        figures.append(Figure(case.name, f"{us:.1f} us, {us / case.batch / case.clients:.2f} a message"))
    show(f"A turn of the engine without a kernel, {SIZE} bytes; the best of {ROUNDS} rounds", figures)


def _us_per_batch(case: Case) -> float:
    """Return the median time of the turns that one batch takes: one, or two in QoS 2."""
    from engine_rig import World

    group = {"name": "g", "role": "publish", "topic": "bench/{client}/data", "interval": 0, "size": SIZE,
             "clients": case.clients, "inflight": case.window, "qos": case.qos}  # fmt: skip
    attack = {"duration": "1h", "connect_rate": 0, "protocol": case.protocol}
    world = World(Warhead.model_validate({"group": [group], "attack": attack}))
    world.connect_all()
    wire = Wire()
    _replace(world, wire, case)
    engine = world.engine
    engine.publish(PublishSpan(0, 0, 0, None))
    while engine.publishers[0].in_flight < case.window * case.clients:
        engine.turn(0)
    events = [(sock.fd, READ) for sock in world.sockets]
    engine._wait = lambda *_: events
    gc.collect()
    times_ns = []
    turns = max(400, MESSAGES // case.batch // case.clients)
    for wire.answer in islice(cycle(_answers(case)), turns):
        begin_ns = time.perf_counter_ns()
        engine.turn(0)
        times_ns.append(time.perf_counter_ns() - begin_ns)
    counts = world.meter.counts
    if counts.stray_ack or counts.malformed:
        sys.exit(f"{case.name}: the engine did not take the answers")
    return middle(times_ns) * case.qos / 1000


def _replace(world: Any, wire: Wire, case: Case) -> None:
    """Let the engine run on the wire and on real time."""
    engine = world.engine
    engine._clock = engine.publishers[0]._clock = now_ns
    for client in range(case.clients):
        stream = WebSocketStream(wire) if case.websocket else wire
        engine.columns.sends[client], engine.columns.receives[client] = stream.send, stream.recv_into


def _answers(case: Case) -> Iterator[bytes]:
    """Yield what the broker says to one batch after the other, until packet ids begin anew."""
    first = 0
    while True:
        ids = [(first + number) % case.window + 1 for number in range(case.batch)]
        for kind in (0x40,) if case.qos == 1 else (0x50, 0x70):
            packets = [bytes([kind, 2]) + packet_id.to_bytes(2) for packet_id in ids]
            yield b"".join(b"\x82\x04" + packet if case.websocket else packet for packet in packets)
        first = (first + case.batch) % case.window
        if not first:
            return


if __name__ == "__main__":
    main()
