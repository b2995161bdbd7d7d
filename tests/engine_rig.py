"""An engine without a network: a socket that is two byte strings, a clock and a readiness that the test moves."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from malaria.engine.loop import Engine
from malaria.engine.meter import Meter
from malaria.engine.platform import Platform
from malaria.engine.publish_schedule import PublishSpan
from malaria.model.warhead import Warhead
from malaria.mqtt.codec import decode, encode
from malaria.mqtt.packets import NO_PROPERTIES, Connack, PacketType, Properties, Protocol, Suback, Subscribe
from malaria.mqtt.session import SUBSCRIBE_ID
from malaria.plan.clients import Identity, make_plan
from malaria.schedule.share import WHOLE
from malaria.transport.poller import READ, WRITE
from malaria.transport.route import Route
from routes import route_at

S = 1_000_000_000
IDENTITY = Identity("run", 4711, 1)


class FakeSocket:
    """One connection. It takes `accepts` bytes per send (None: all)."""

    def __init__(self, world: World, fd: int) -> None:
        self.world = world
        self.fd = fd
        self.sent = bytearray()
        self.sends: list[bytes] = []  # what each call of `send` took
        self.incoming: list[bytes] = []
        self.accepts: int | None = None
        self.closed = False

    def fileno(self) -> int:
        return -1 if self.closed else self.fd

    def setsockopt(self, *_: object) -> None: ...

    def bind(self, _: object) -> None: ...

    def connect_ex(self, _: object) -> int:
        return errno.EINPROGRESS

    def getsockopt(self, *_: object) -> int:
        return 0

    def send(self, data: bytes | bytearray | memoryview) -> int:
        taken = len(data) if self.accepts is None else min(self.accepts, len(data))
        if not taken:
            raise BlockingIOError
        self.sent += data[:taken]
        self.sends.append(bytes(data[:taken]))
        return taken

    def recv_into(self, view: memoryview) -> int:
        if not self.incoming:
            raise BlockingIOError
        data = self.incoming.pop(0)
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self.closed = True


class World:
    """Poller and clock of one engine."""

    timer = -1

    def __init__(self, warhead: Warhead, route: Route | None = None) -> None:
        self.now_ns = 1000 * S
        self.sockets: list[FakeSocket] = []
        self.masks: dict[int, int] = {}
        self.events: list[tuple[int, int]] = []
        self.meter = Meter("1")
        plan = make_plan(warhead, WHOLE, IDENTITY)
        self.engine = Engine(
            plan,
            {g.name: route or route_at("127.0.0.1", 1) for g in warhead.groups},
            self.meter,
            Platform(clock=lambda: self.now_ns, poller=self, make_socket=self.make_socket),  # type: ignore[arg-type]
        )
        self.engine.set_epoch(self.now_ns)
        self.epoch_ns = self.now_ns

    # the poller's side
    def register(self, fd: int, eventmask: int) -> None:
        self.masks[fd] = eventmask

    modify = register

    def unregister(self, fd: int) -> None:
        del self.masks[fd]

    def wait(self, _: int, __: int) -> list[tuple[int, int]]:
        events, self.events = self.events, []
        return events

    def close(self) -> None: ...

    # the test's side
    def make_socket(self, *_: object) -> FakeSocket:
        sock = FakeSocket(self, 100 + len(self.sockets))
        self.sockets.append(sock)
        return sock

    def turn(self) -> None:
        self.engine.turn(self.now_ns)

    def say(self, sock: FakeSocket, data: bytes) -> None:
        """Let the broker send bytes, and the engine read them."""
        sock.incoming.append(data)
        self.events.append((sock.fd, READ))
        self.turn()

    def writable(self, sock: FakeSocket) -> None:
        if self.masks.get(sock.fd, 0) & WRITE:
            self.events.append((sock.fd, WRITE))
        self.turn()

    def publish(self, end_s: float | None = None) -> None:
        end_ns = None if end_s is None else self.now_ns + round(end_s * S)
        self.engine.publish(PublishSpan(self.epoch_ns, self.now_ns, self.now_ns, end_ns))

    def connect_all(self, granted: Properties = NO_PROPERTIES) -> None:
        """Bring every client to READY, as a friendly broker does; `granted` is its CONNACK in MQTT 5."""
        self.engine.connect(rest=False)
        self.engine.connect(rest=True)
        self.turn()
        for sock in list(self.sockets):
            self.writable(sock)
            protocol = Protocol(sock.sent[sock.sent.index(b"MQTT") + 4])
            terms = granted if protocol is Protocol.V5 else NO_PROPERTIES
            self.say(sock, encode(Connack(False, 0, terms), protocol))
            at = sock.sent.find(b"\x82")
            if at >= 0:  # SUBSCRIBE: grant everything
                asked = decode(bytes(sock.sent), at, len(sock.sent), frozenset(PacketType), protocol)
                assert asked is not None
                assert isinstance(asked[0], Subscribe)
                codes = tuple(options & 3 for _, options in asked[0].filters)
                self.say(sock, encode(Suback(SUBSCRIBE_ID, codes), protocol))


@contextmanager
def world(*groups: dict[str, Any], surges: Sequence[dict[str, Any]] = (), **attack: Any) -> Iterator[World]:
    """A world for a warhead of these groups; `duration` is only there because a warhead must end."""
    settings = {"duration": "1h", "connect_rate": 0, **attack}
    warhead = Warhead.model_validate(
        {"group": [{"name": f"g{n}", **g} for n, g in enumerate(groups)], "surge": surges, "attack": settings}
    )
    made = World(warhead)
    yield made
