"""The keys of the table `[[group]]`.

Promises: each value by itself is valid. Does not promise that the values fit together: `malaria.model.group_checks`
checks that, and a `malaria.model.group.Group` has passed.
A field's alias is its key in the file.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from pydantic import Field

from malaria.model.access import Access
from malaria.model.completion import DEFAULT_SIZE, is_generated
from malaria.model.fields import (
    Count,
    DurationNs,
    ExpiryS,
    Flag,
    Interval,
    KeepaliveS,
    PartOfInterval,
    PayloadText,
    Qos,
    SizeText,
)
from malaria.model.mqtt5 import Client5, Message5
from malaria.model.placeholders import OF_CLIENT, OF_CLIENT_ID, OF_MESSAGE, check_template, fill
from malaria.mqtt.topics import SHARE
from malaria.schedule.pacing import Arrival

DEFAULT_CLIENT_ID: Final = "malaria-{run}-{group}-{index}"


class Role(StrEnum):
    """The work of a group's clients."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    BOTH = "both"
    RESPOND = "respond"  # subscribe, and answer each request with what it carries (MQTT 5)
    CONNECT = "connect"


type WillParts = tuple[str, bytes, int, bool, dict[str, Any]]
"""(topic, payload, QoS, retain, properties)"""
MOST_INFLIGHT: Final = 65_534
"""One packet id fewer than there are: the last one is kept for SUBSCRIBE."""
MOST_RESERVE: Final = 1_000_000
"""Each takes about 100 bytes in its worker, and 40 for each subscriber that would hear it."""
PUBLISHING: Final = frozenset({Role.PUBLISH, Role.BOTH})
SUBSCRIBING: Final = frozenset({Role.SUBSCRIBE, Role.BOTH, Role.RESPOND})


class WillTable(Message5):
    """The message that the broker publishes when a client is lost without a DISCONNECT. `topic` is a template."""

    topic: str
    """Topic of the will; a template."""
    payload: str = ""
    """Text of the will."""
    qos: Qos = 0
    """QoS of the will."""
    retain: Flag = False
    """Publish the will as a retained message."""
    delay: ExpiryS = None
    """MQTT 5: whole seconds between the end of the connection and the will."""


class GroupKeys(Client5):
    """The keys of `[[group]]`. `interval` is seconds between a client's messages; 0 is closed loop."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """Name of the group: letters, digits, - and _."""
    role: Role = Role.PUBLISH
    """What the clients do."""
    clients: Count
    """Number of clients in the whole attack."""
    reserve: int | None = Field(default=None, strict=True, ge=0, le=MOST_RESERVE)
    """Clients that can be added while the load runs; left out, as many as there are, and at least 1,000."""
    interval: Interval = Fraction(1)
    """Time between two messages of a client; 0 sends as fast as the window allows (closed loop)."""
    arrival: Arrival = Arrival.STEADY
    """How the messages lie in time."""
    jitter: PartOfInterval = Fraction(1, 2)
    """The largest part of the interval that a message is late, for arrival = "jitter"."""
    ramp_ns: DurationNs = Field(default=0, alias="ramp")
    """Time over which the clients come in, one by one, while the attack runs."""
    rate_ramp_ns: DurationNs = Field(default=0, alias="rate_ramp")
    """Time in which the rate grows from 0 to the full rate."""
    start_after_ns: DurationNs = Field(default=0, alias="start_after")
    """Time after the start of the load at which this group begins."""
    qos: Qos = 1
    """QoS of what is published, or of the subscriptions."""
    retain: Flag = False
    """Publish retained messages."""
    size: SizeText = DEFAULT_SIZE
    """Bytes of a payload: 500, "500~25" (mean~standard deviation), "100-900" (every size equally likely)."""
    payload: PayloadText = "random"
    """What fills the payloads: random, hex, text, zero, "file:PATH" or "module:function"."""
    header: Flag = True
    """Begin payloads with the 20 bytes that loss, order and end-to-end latency are measured with."""
    messages: Count | None = None
    """Messages per client; then the client is done."""
    topic: str
    """Topic that is published to, or the filter that is subscribed to; a template."""
    topics: tuple[str, ...] = ()
    """Topics to publish to, in place of `topic`; templates. The clients take them in turn, one each."""
    filters: tuple[str, ...] = ()
    """Topic filters to subscribe to, in place of `topic`; templates."""
    inflight: int = Field(default=20, strict=True, ge=1, le=MOST_INFLIGHT)
    """The most unacknowledged messages of a client."""
    keepalive: KeepaliveS = 60
    """Keep-alive in whole seconds; 0 sets none."""
    clean_start: Flag = True
    """Start a new session. false keeps sessions, and sends unacknowledged messages again."""
    client_id: str = DEFAULT_CLIENT_ID
    """Template of the client ids."""
    username: str | None = None
    """Template of the user names."""
    password: str | None = Field(default=None, repr=False)
    """Template of the passwords. Never stored with a run."""
    will: WillTable | None = None
    """Message that the broker publishes when a client is lost without a DISCONNECT."""
    target: Access = Access()
    """How this group reaches the broker, where that differs from [target]."""

    @property
    def publishes(self) -> bool:
        return self.role in PUBLISHING

    @property
    def subscribes(self) -> bool:
        return self.role in SUBSCRIBING

    @property
    def responds(self) -> bool:
        return self.role is Role.RESPOND

    @property
    def closed_loop(self) -> bool:
        return self.publishes and self.interval == 0

    @property
    def generated(self) -> bool:
        """Tell whether malaria makes the payloads, not a file or a function."""
        return is_generated(self.payload)

    @property
    def uses_identity(self) -> bool:
        """Tell whether the client ids are made of PSK identities."""
        return "identity" in check_template(self.client_id, OF_CLIENT_ID)

    @property
    def chosen_by_broker(self) -> bool:
        """Tell whether the broker chooses the client ids (MQTT 5)."""
        return not self.client_id

    @property
    def has_one_id(self) -> bool:
        """Tell whether all clients have the same id, so that each would throw out the one before."""
        return not self.chosen_by_broker and not check_template(self.client_id, OF_CLIENT_ID) & {"index", "identity"}

    @property
    def topic_uses(self) -> frozenset[str]:
        """Return the placeholders in the topics, without their widths. Several topics differ by `index`."""
        used = [check_template(topic, OF_MESSAGE) for topic in self.topics or (self.topic,)]
        return frozenset({"index"} if len(used) > 1 else ()).union(*used)

    @property
    def own_client_ids(self) -> bool:
        """Return True if the ids are those of this run alone: they hold its name, or the broker chooses them."""
        return not self.client_id or "run" in check_template(self.client_id, OF_CLIENT_ID)

    def client_id_at(self, index: int, run: str, identity: str = "") -> str:
        return fill(self.client_id, {"run": run, "group": self.name, "index": index, "identity": identity})

    def topic_template(self, index: int) -> str:
        """Return the template of the topic that a client publishes to."""
        return self.topics[index % len(self.topics)] if self.topics else self.topic

    def topic_at(self, index: int, run: str, sequence: int, identity: str = "") -> str:
        return fill(self.topic_template(index), self.values_at(index, run, identity) | {"seq": sequence})

    def filters_at(self, index: int, run: str, identity: str = "") -> tuple[str, ...]:
        values = self.values_at(index, run, identity)
        return tuple(fill(filter_, values) for filter_ in self.filters)

    def credentials_at(self, index: int, run: str, identity: str = "") -> tuple[str | None, str | None]:
        """Return user name and password of one client."""
        values = self.values_at(index, run, identity)
        username = None if self.username is None else fill(self.username, values)
        return username, None if self.password is None else fill(self.password, values)

    def will_at(self, index: int, run: str, identity: str = "") -> WillParts | None:
        """Return the will of one client, or None."""
        if self.will is None:
            return None
        will, values = self.will, self.values_at(index, run, identity)
        properties = will.properties_at(values)
        if will.delay is not None:
            properties["will_delay_interval"] = will.delay
        return fill(will.topic, values), will.payload.encode(), will.qos, will.retain, properties

    def message_properties_at(self, index: int, run: str, sequence: int, identity: str = "") -> dict[str, Any]:
        """Return the MQTT 5 properties of one PUBLISH."""
        return self.properties_at(self.values_at(index, run, identity) | {"seq": sequence})

    @property
    def keeps_deliveries(self) -> bool:
        """Tell whether the broker keeps what a subscriber of this group misses while its connection is broken."""
        return bool(self.qos) and (not self.clean_start or bool(self.session_expiry))

    @property
    def shares_one(self) -> bool:
        """Tell whether all clients of this group are members of one shared subscription."""
        if len(self.filters) != 1 or not self.filters[0].startswith(SHARE):
            return False
        return not check_template(self.filters[0], OF_CLIENT) - {"run", "group"}

    def values_at(self, index: int, run: str, identity: str = "") -> dict[str, str | int]:
        """Return the values of the placeholders for one client. The caller adds {seq} for a message."""
        values: dict[str, str | int] = {"run": run, "group": self.name, "index": index, "identity": identity}
        return values | {"client": fill(self.client_id, values), "messages": self.messages or 0}
