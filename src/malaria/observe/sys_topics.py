"""Observes the broker's own figures on `$SYS/#`, over an MQTT connection of its own (paho-mqtt, in a thread).

The connection uses QoS 0 and a clean session, and the broker counts it as one more client. A broker that refuses it, or
publishes nothing, is a gap with the likely reason. A lost connection is made again by itself. Whatever a broker sends,
the thread lives on: a message that cannot be taken is a gap with its reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from malaria.clock import NS_PER_S, now_ns
from malaria.observe.observer import LostError, Readings, clean, unforeseen_failure
from malaria.observe.sys_names import ALL
from malaria.observe.sys_tree import SysTree

CONNECT_S: Final = 5.0
KEEPALIVE_S: Final = 15
FIRST_MESSAGE_NS: Final = 3 * NS_PER_S
"""A broker with retained `$SYS` topics sends them at once after the subscription."""
UNKNOWN_INTERVAL_NS: Final = 130 * NS_PER_S
"""The silence allowed while the interval is unknown: EMQX and HiveMQ announce once a minute, twice that is silence."""
SHORTEST_SILENCE_NS: Final = 25 * NS_PER_S
"""Less is never called silence: mosquitto announces every 10 s, and a busy broker does so late."""
AFTER_FAILURE_S: Final = 1.0
STOP_S: Final = 2.0
INTERVALS: Final = 2
"""How many intervals in a row a broker may skip."""


@dataclass(frozen=True, slots=True)
class SysAccess:
    """The login at the broker. `context` is for TLS, with its keys and certificates loaded; `path` is for WebSocket."""

    host: str
    port: int
    client_id: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    context: Any = None  # an ssl.SSLContext, or an object with its wrap_socket
    path: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


class SysObserver:
    """The observer of the `$SYS` topics of one broker."""

    name = "sys"

    def __init__(self, access: SysAccess, clock: Callable[[], int] = now_ns) -> None:
        self.about = f"{ALL} of {access.host}:{access.port}"
        self._access = access
        self._clock = clock
        self._client: paho.Client | None = None
        self._lock = Lock()  # paho's thread writes the fields below
        self._tree = SysTree()
        self._trouble = ""
        self._failure = ""  # of one message, or of paho; until the next sample
        self._subscribed_ns: int | None = None
        self._over = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        if self._client is None:
            self._client = self._make_client()
            self._client.connect_async(self._access.host, self._access.port, KEEPALIVE_S)
            self._thread = Thread(target=self._run, args=(self._client,), name="observe-sys-paho", daemon=True)
            self._thread.start()
        end = time.monotonic() + CONNECT_S
        while time.monotonic() < end and self._tree.last_ns is None and not self._trouble:
            time.sleep(0.02)
        # a refusal is known at once; without any answer the first sample reports it
        if self._trouble:
            raise LostError(self._trouble)

    def sample(self, _: int) -> Readings:
        with self._lock:
            failure, self._failure = self._failure, ""
            if self._trouble or failure:
                raise LostError(self._trouble or failure)
            if self._subscribed_ns is None:
                raise LostError("no answer to the subscription yet")
            tree = self._tree
            silent_ns = self._clock() - (tree.last_ns or self._subscribed_ns)
            if tree.last_ns is None and silent_ns > FIRST_MESSAGE_NS:
                raise LostError(
                    f"nothing on {ALL} in {silent_ns // NS_PER_S} s: the broker has no such topics, "
                    "or its access rules hide them from this user"
                )
            if silent_ns > longest_silence_ns(tree.longest_pause_ns):
                raise LostError(
                    f"nothing on {ALL} for {silent_ns // NS_PER_S} s: the broker is stuck, "
                    "or its access rules have changed"
                )
            return tree.values() if tree.has_news else {}

    def outstanding_ns(self, since_ns: int) -> int:
        with self._lock:
            return 0 if self._trouble else self._tree.outstanding_ns(since_ns, self._clock())

    def stop(self) -> None:
        self._over.set()
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # it may be in any state
                client.disconnect()
        if self._thread is not None:
            self._thread.join(STOP_S)

    def _run(self, client: paho.Client) -> None:
        """Run paho's loop until `stop`; this is the body of its thread. After an exception connect again."""
        while not self._over.is_set():
            try:
                client.loop_forever(retry_first_connection=True)
            except Exception as error:  # hostile bytes, or a bug of paho
                self._note_failure(error)
            if not self._over.wait(AFTER_FAILURE_S):
                with suppress(Exception):  # the loop tries it again
                    client.reconnect()

    def _guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        """Return a callback that never raises: paho would end its loop, or take the same message again for ever."""

        def call(*arguments: object) -> None:
            try:
                callback(*arguments)
            except Exception as error:
                self._note_failure(error)

        return call

    def _note_failure(self, error: Exception) -> None:
        with self._lock:
            self._failure = unforeseen_failure(error)

    def _make_client(self) -> paho.Client:
        access = self._access
        transport: Any = "tcp" if access.path is None else "websockets"
        client = paho.Client(CallbackAPIVersion.VERSION2, access.client_id, transport=transport)
        client.on_connect, client.on_disconnect = self._guarded(self._on_connect), self._guarded(self._on_disconnect)
        client.on_connect_fail = self._guarded(self._on_connect_fail)
        client.on_subscribe, client.on_message = self._guarded(self._on_subscribe), self._guarded(self._on_message)
        # paho's own longest delay, two minutes, is longer than many attacks
        client.reconnect_delay_set(1, 5)
        if access.username is not None:
            client.username_pw_set(access.username, access.password)
        if access.context is not None:
            client.tls_set_context(access.context)
        if access.path is not None:
            client.ws_set_options(access.path or "/", self._upgrade_headers)
        return client

    def _upgrade_headers(self, usual: dict[str, str]) -> dict[str, str]:
        """Return the headers of the upgrade: a usual one such as Host gives way to one that is given, in any case."""
        given = dict(self._access.headers)
        names = {name.lower() for name in given}
        return {name: value for name, value in usual.items() if name.lower() not in names} | given

    def _on_connect(self, client: paho.Client, _: object, __: object, reason: ReasonCode, ___: object) -> None:
        with self._lock:
            self._trouble = _refusal(reason) if reason.is_failure else ""
            self._tree = SysTree()  # the broker's count of what it sent to this client begins at 0
            self._subscribed_ns = None
        if not reason.is_failure:
            client.subscribe(ALL, qos=0)

    def _on_connect_fail(self, *_: object) -> None:
        with self._lock:
            self._trouble = f"{self._access.host}:{self._access.port} cannot be reached"

    def _on_disconnect(self, _: paho.Client, __: object, ___: object, reason: ReasonCode, ____: object) -> None:
        with self._lock:
            self._trouble = self._trouble or "the connection to the broker is gone"

    def _on_subscribe(self, _: paho.Client, __: object, ___: int, reasons: list[ReasonCode], ____: object) -> None:
        with self._lock:
            self._subscribed_ns = self._clock()
            # access rules may hide $SYS: the connection stays, and nothing comes
            if any(reason.is_failure for reason in reasons):
                self._trouble = f"the broker refuses the subscription to {ALL}"

    def _on_message(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        # paho decodes the topic when it is asked for
        except UnicodeDecodeError:
            return
        with self._lock:
            self._tree.take(topic, bytes(message.payload), self._clock(), message.retain)


def longest_silence_ns(longest_pause_ns: int) -> int:
    """Return how long a broker may be silent whose announcements were so far apart; 0: not known yet."""
    return max(INTERVALS * longest_pause_ns, SHORTEST_SILENCE_NS) if longest_pause_ns else UNKNOWN_INTERVAL_NS


def _refusal(reason: ReasonCode) -> str:
    return f"the broker refuses the observer's connection: {clean(str(reason)).lower()}"
