"""Starts, stops and cleans a broker: mosquitto, the embedded one, a command or a systemd unit; over ssh too."""

from malaria.broker.embedded import start_embedded
from malaria.broker.lifecycle import CleanStart, Lifecycle
from malaria.broker.mosquitto import find_mosquitto, start_mosquitto
from malaria.broker.running import RunningBroker
from malaria.broker.starting import BrokerEndpoint

__all__ = [
    "BrokerEndpoint",
    "CleanStart",
    "Lifecycle",
    "RunningBroker",
    "find_mosquitto",
    "start_default",
    "start_embedded",
    "start_mosquitto",
]  # fmt: skip


def start_default() -> RunningBroker:
    """Start the broker of `malaria demo`. Raises OperatorError if none can be started."""
    return start_mosquitto() if find_mosquitto() else start_embedded()
