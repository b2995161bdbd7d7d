"""A broker on this machine that we may start and stop: mosquitto where it is installed, else amqtt from PyPI."""

from malaria.broker.embedded import start_embedded
from malaria.broker.mosquitto import find_mosquitto, start_mosquitto
from malaria.broker.running import RunningBroker

__all__ = ["RunningBroker", "find_mosquitto", "start_default", "start_embedded", "start_mosquitto"]


def start_default() -> RunningBroker:
    """The broker of `malaria demo`. Raises OperatorError when none can be started."""
    return start_mosquitto() if find_mosquitto() else start_embedded()
