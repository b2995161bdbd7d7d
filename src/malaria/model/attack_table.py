"""The table `[attack]`: duration, connect rate, timeouts and other settings of the whole attack."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from malaria.clock import NS_PER_S
from malaria.model.faults import KeyPathError
from malaria.model.fields import PROTOCOLS, ConnectRate, DurationNs, ProtocolText, ReconnectNs, Sources
from malaria.model.table import Table

CONNECT_TIMEOUT_NS: Final = 10 * NS_PER_S


class Spread(StrEnum):
    """Which addresses of one name the clients begin with; they try the others when those fail."""

    EVEN = "even"
    """All of the same family in turn, IPv4 before IPv6."""
    FIRST = "first"
    """The one that the system's resolver gives first."""


class Attack(Table):
    """The settings of the whole attack. Without `duration_ns` it ends when every message has been sent."""

    duration_ns: DurationNs | None = Field(default=None, alias="duration")
    """How long the load is measured. May be left out when every publishing group has `messages`."""
    warmup_ns: DurationNs = Field(default=0, alias="warmup")
    """Load before the measured time begins."""
    drain_ns: DurationNs = Field(default=10 * NS_PER_S, alias="drain")
    """The longest wait for messages under way after the load."""
    connect_rate: ConnectRate = Fraction(1000)
    """Connects per second of all clients together; 0 sets no pace."""
    connects_in_progress: int = Field(default=64, strict=True, ge=1, le=100_000)
    """The most connects under way at once."""
    connect_timeout_ns: DurationNs = Field(default=CONNECT_TIMEOUT_NS, alias="connect_timeout")
    """The longest wait for each step of a connect (TCP, TLS, WebSocket, CONNACK)."""
    reconnect_ns: ReconnectNs = Field(default=(NS_PER_S, 30 * NS_PER_S), alias="reconnect")
    """The first and the longest wait before a lost client connects again, or "never"."""
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**63)] | None = None
    """Draw the same random sizes and times as another run with this seed."""
    own_lag_limit_ns: DurationNs | None = Field(default=None, alias="own_lag_limit")
    """Lag of sent messages (p99) from which on the run is INVALID. None: a tenth of the tightest limit on latency."""
    source_addresses: Sources = ()
    """Local addresses to spread clients over, or "auto" for as many of this host's as the clients need ports."""
    spread: Spread = Spread.EVEN
    """If a name has several addresses: clients take all of one family in turn ("even"), or the first ("first")."""
    protocol: ProtocolText = PROTOCOLS[0]
    """MQTT version of all groups."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        # 0 means something in other keys (warmup, drain); here it would end or fail every attack at once
        for name in ("duration_ns", "connect_timeout_ns", "own_lag_limit_ns"):
            if getattr(self, name) == 0:
                # the operator knows the key of the file, not the field
                key = type(self).model_fields[name].alias or name
                raise KeyPathError(key, "must be longer than 0 s", "write a duration over 0, such as 30s")
        return self
