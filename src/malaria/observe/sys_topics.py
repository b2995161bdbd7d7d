"""The broker's own figures, from `$SYS/#`, over one MQTT connection of the observer's own (paho-mqtt, a thread).

It comes with QoS 0 and a clean session, and counts as one more client. A broker that refuses, or says nothing, is a gap
with the likely reason; the connection is made anew by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from malaria.clock import NS_PER_S, now_ns
from malaria.observe.observer import LostError, Readings, clean
from malaria.observe.sys_names import ALL
from malaria.observe.sys_tree import SysTree

CONNECT_S: Final = 5.0
KEEPALIVE_S: Final = 15
FIRST_WORD_NS: Final = 3 * NS_PER_S
"""A broker with retained `$SYS` topics answers a subscription at once."""
LONGEST_WAIT_NS: Final = 130 * NS_PER_S
"""EMQX, HiveMQ: once a minute. Twice that is silence, where no other interval has been seen."""


@dataclass(frozen=True, slots=True)
class SysAccess:
    """How to get to the topics. `context` is for TLS, its keys and certificates loaded; `path` for WebSocket."""

    host: str
    port: int
    client_id: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    context: Any = None  # an ssl.SSLContext, or what wraps a socket like one
    path: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


class SysObserver:
    """The `$SYS` topics of one broker."""

    name = "sys"

    def __init__(self, access: SysAccess, clock: Callable[[], int] = now_ns) -> None:
        self.about = f"{ALL} of {access.host}:{access.port}"
        self._access = access
        self._clock = clock
        self._client: paho.Client | None = None
        self._lock = Lock()  # what follows is written by paho's thread
        self._figures = SysTree()
        self._trouble = ""
        self._subscribed_ns: int | None = None

    def start(self) -> None:
        if self._client is None:
            self._client = self._make_client()
            self._client.connect_async(self._access.host, self._access.port, KEEPALIVE_S)
            self._client.loop_start()
        end = time.monotonic() + CONNECT_S
        while time.monotonic() < end and self._figures.last_ns is None and not self._trouble:
            time.sleep(0.02)
        if self._trouble:
            raise LostError(self._trouble)

    def sample(self, _: int) -> Readings:
        with self._lock:
            if self._trouble:
                raise LostError(self._trouble)
            if self._subscribed_ns is None:
                raise LostError("no answer to the subscription yet")
            figures = self._figures
            silent_ns = self._clock() - (figures.last_ns or self._subscribed_ns)
            if figures.last_ns is None and silent_ns > FIRST_WORD_NS:
                raise LostError(_silence(silent_ns, ever=False))
            if silent_ns > patience_ns(figures.longest_pause_ns):
                raise LostError(_silence(silent_ns, ever=True))
            return figures.values() if figures.has_news else {}

    def outstanding_ns(self, since_ns: int) -> int:
        with self._lock:
            return 0 if self._trouble else self._figures.outstanding_ns(since_ns, self._clock())

    def stop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # whatever state it is in
                client.disconnect()
                client.loop_stop()

    def _make_client(self) -> paho.Client:
        access = self._access
        transport: Any = "tcp" if access.path is None else "websockets"
        client = paho.Client(CallbackAPIVersion.VERSION2, access.client_id, transport=transport)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail = self._on_connect_fail
        client.on_subscribe, client.on_message = self._on_subscribe, self._on_message
        client.reconnect_delay_set(1, 5)
        if access.username is not None:
            client.username_pw_set(access.username, access.password)
        if access.context is not None:
            client.tls_set_context(access.context)
        if access.path is not None:
            client.ws_set_options(access.path or "/", dict(access.headers) or None)
        return client

    def _on_connect(self, client: paho.Client, _: object, __: object, reason: ReasonCode, ___: object) -> None:
        with self._lock:
            self._trouble = f"the broker refuses us: {clean(str(reason)).lower()}" if reason.is_failure else ""
            self._figures = SysTree()  # what it sent to us counts anew
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
            if any(reason.is_failure for reason in reasons):
                self._trouble = f"the broker refuses the subscription to {ALL}"

    def _on_message(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        with self._lock:
            self._figures.take(topic, bytes(message.payload), self._clock(), message.retain)


def patience_ns(longest_pause_ns: int) -> int:
    """How long a broker may be silent that has announced itself at this interval; 0: not yet."""
    return max(3 * longest_pause_ns, 5 * NS_PER_S) if longest_pause_ns else LONGEST_WAIT_NS


def _silence(silent_ns: int, ever: bool) -> str:
    seconds = silent_ns // NS_PER_S
    if ever:
        return f"nothing on {ALL} for {seconds} s: the broker is stuck, or its access rules have changed"
    return (
        f"nothing on {ALL} in {seconds} s: the broker has no such topics, or its access rules hide them from this user"
    )
