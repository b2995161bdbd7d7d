"""Return codes in words (MQTT 3.1.1, table 3.1)."""

from __future__ import annotations

from typing import Final

CONNACK_REASONS: Final = {
    0: "accepted",
    1: "unacceptable protocol version",
    2: "client id rejected",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorised",
}


def connack_reason(code: int) -> str:
    """What a CONNACK return code says."""
    return CONNACK_REASONS.get(code, f"return code {code}, which MQTT 3.1.1 does not know")
