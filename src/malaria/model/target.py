"""The broker under test: its scheme, addresses and path, and the user name and password.

Promises: what `parse_target` returns has a host, a port and a known scheme; a password is in no `repr`, `str`, `url`
or error message. Does not promise that the host exists: no name is resolved here.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final
from urllib.parse import quote, unquote

from malaria.errors import TargetError
from malaria.mqtt.wire import text_fault


class Scheme(StrEnum):
    """The transport to the broker."""

    MQTT = "mqtt"
    MQTTS = "mqtts"
    WS = "ws"
    WSS = "wss"


DEFAULT_PORT: Final = {Scheme.MQTT: 1883, Scheme.MQTTS: 8883, Scheme.WS: 80, Scheme.WSS: 443}
SAME_SCHEME: Final = {"tcp": Scheme.MQTT, "ssl": Scheme.MQTTS, "tls": Scheme.MQTTS}
"""The names of other MQTT tools."""
SECURE: Final = frozenset({Scheme.MQTTS, Scheme.WSS})
"""Those over TLS."""
WITH_PATH: Final = frozenset({Scheme.WS, Scheme.WSS})

PUBLIC_BROKERS: Final = (
    "broker-cn.emqx.io",
    "broker.emqx.io",
    "broker.hivemq.com",
    "broker.mqtt.cool",
    "broker.mqttdashboard.com",
    "demo.thingsboard.io",
    "io.adafruit.com",
    "iot.coreflux.cloud",
    "iot.eclipse.org",
    "mqtt-dashboard.com",
    "mqtt.beebotte.com",
    "mqtt.dioty.co",
    "mqtt.eclipse.org",
    "mqtt.eclipseprojects.io",
    "mqtt.flespi.io",
    "mqtt.fluux.io",
    "mqtt.swifitch.cz",
    "mqtt.thingspeak.com",
    "mqtt.tyckr.io",
    "mqtt3.thingspeak.com",
    "public-mqtt-broker.bevywise.com",
    "public.mqtthq.com",
    "test.mosca.io",
    "test.mosquitto.org",
)
"""Brokers that others lend to everybody for a try, not for a load test."""

PUBLIC_BROKER_OPTION: Final = "--i-am-allowed-to-load-this-broker"
PUBLIC_BROKER_KEYWORD: Final = PUBLIC_BROKER_OPTION.removeprefix("--").replace("-", "_")
CONFIRMATIONS_NEEDED: Final = 2

_URL: Final = re.compile(r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?P<rest>.*)", re.DOTALL)
_HOST: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?")
_BRACKETED: Final = re.compile(r"\[(?P<host>[^\]]*)\](?::(?P<port>.*))?", re.DOTALL)
_ZONE: Final = re.compile(r"[A-Za-z0-9_.:@-]{1,15}")
"""The name of an interface (IFNAMSIZ of Linux), or its number."""
_AUTHORITY_END: Final = {True: re.compile(r"[/?#]"), False: re.compile(r"/")}
"""What ends login and addresses, by whether a path can follow. Without one, a password may hold ? and #."""
_NOT_IN_PATH: Final = re.compile(r"[^!-~]|#")
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_FORMS: Final = "write a host, host:port, mqtt://user:password@host:port, or several addresses: a:1883,b:1883"


_URL_LOGIN: Final = re.compile(r"(?<=://)[^/?#\s]*:[^/?#\s]*@|(?i:(?<=http://)|(?<=https://))[^/?#\s]*@")
"""User and password of a URL: up to the last @ before the path, as URLs are parsed. A password may hold @ itself.

Of HTTP also a user alone: it may be a token. The user of a broker or of an ssh host is no secret.
"""


@dataclass(frozen=True, slots=True)
class Address:
    """One listener of the broker. `host` is a name or an IP address, IPv6 without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Target:
    """The broker under test. Clients are spread over `addresses` in turn. Only WebSocket has a `path`."""

    scheme: Scheme
    addresses: tuple[Address, ...]
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    path: str = ""

    @property
    def url(self) -> str:
        """Return the target as a URL without its password."""
        user = f"{quote(self.username, safe='')}@" if self.username else ""
        return f"{self.scheme}://{user}{','.join(map(str, self.addresses))}{self.path}"

    def __str__(self) -> str:
        return self.url

    def with_credentials(self, username: str | None, password: str | None) -> Target:
        """Return the same target with these credentials in place of those of the URL.

        Raises TargetError for a password without a user name, which MQTT 3.1.1 forbids [MQTT-3.1.2-22].
        """
        named = replace(
            self,
            username=self.username if username is None else username,
            password=self.password if password is None else password,
        )
        if named.password is not None and not named.username:
            raise TargetError(
                "a password without a user name", "give the user name too: -u NAME, or user:password@host"
            )
        for what, text in (("user name", named.username), ("password", named.password)):
            if fault := text_fault(text or ""):
                raise TargetError(f"the {what} {fault}", "change it: MQTT cannot carry that")
        return named


def parse_target(text: str) -> Target:
    """Read `host`, `host:port`, a URL, or a list of addresses joined by commas.

    Raises TargetError for what is none of these, and for schemes that the engine does not speak.
    """
    found = _URL.fullmatch(text.strip())
    assert found is not None  # the pattern takes any text
    scheme = _scheme(found["scheme"])
    authority, path = _split(scheme, found["rest"])
    # the last @ ends the login, as in every URL: a password may hold others
    credentials, _, hosts = authority.rpartition("@")
    if not hosts:
        raise TargetError("the target names no host", _FORMS)
    username, password = _credentials(credentials)
    target = Target(scheme, _addresses_before(path, hosts, scheme), path=_path(scheme, path))
    return target.with_credentials(username, password)


def refuse_public_broker(target: Target, confirmations: int) -> None:
    """Raise TargetError if the target is a public broker, unless it was confirmed twice.

    Only names are compared: an IP address is taken as the operator's own decision.
    """
    shared = [address.host for address in target.addresses if _is_public(address.host)]
    if shared and confirmations < CONFIRMATIONS_NEEDED:
        raise TargetError(
            f"{shared[0]} is a public broker that others use and pay for",
            "load a broker of your own (malaria demo starts one). With its owner's leave, "
            f"give {PUBLIC_BROKER_OPTION} twice (in Python {PUBLIC_BROKER_KEYWORD}={CONFIRMATIONS_NEEDED})",
        )


def without_passwords(text: str) -> tuple[str, int]:
    """Return the text without the users and passwords of its URLs, and how many were removed."""
    return _URL_LOGIN.subn("", text)


def _is_public(host: str) -> bool:
    # `Test.Mosquitto.org.` is the same broker
    name = host.lower().rstrip(".")
    return any(name == public or name.endswith(f".{public}") for public in PUBLIC_BROKERS)


def _scheme(text: str | None) -> Scheme:
    if text is None:
        return Scheme.MQTT
    try:
        return SAME_SCHEME.get(text.lower()) or Scheme(text.lower())
    except ValueError:
        raise TargetError(
            f"'{text}://' is not a known scheme", f"write {', '.join(f'{s}://' for s in Scheme)}"
        ) from None


def _split(scheme: Scheme, rest: str) -> tuple[str, str]:
    """Split what follows `scheme://` into login and addresses, and the path with its query."""
    end = _AUTHORITY_END[scheme in WITH_PATH].search(rest)
    if end is None:
        return rest, ""
    path = rest[end.start() :]
    return rest[: end.start()], path if path[0] == "/" else f"/{path}"


def _addresses_before(path: str, hosts: str, scheme: Scheme) -> tuple[Address, ...]:
    """Read the addresses before a path. With an @ behind them they can be a part of a password: then name none."""
    if "@" not in path:
        return _addresses(hosts, scheme)
    try:
        if scheme in WITH_PATH:
            return _addresses(hosts, scheme)
    except TargetError:
        pass
    raise TargetError(
        "the part before the host holds a '/', '?' or '#'", "write %2F, %3F or %23 for it in a user name or password"
    )


def _credentials(text: str) -> tuple[str | None, str | None]:
    """Split `user:password` and decode percent signs. A part that is absent is None."""
    username, colon, password = text.partition(":")
    return _decoded(username, "user name") if username else None, _decoded(password, "password") if colon else None


def _decoded(text: str, what: str) -> str:
    """Decode percent signs. A stray one is refused: the client would log in with something else than was meant."""
    if _STRAY_PERCENT.search(text):
        raise TargetError(f"the {what} in the target holds a % that begins no escape", "write %25 for a % in it")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise TargetError(f"the {what} in the target is not text in UTF-8", "give it with -u or -P") from None


def _path(scheme: Scheme, path: str) -> str:
    if scheme in WITH_PATH:
        if alien := _NOT_IN_PATH.search(path):  # a space or a line break would end the request line of HTTP
            escaped = quote(alien[0], errors="surrogateescape")
            raise TargetError(
                f"the path {path!r} holds a character that a request cannot carry", f"write {escaped} for {alien[0]!r}"
            )
        return path
    if path.strip("/"):
        raise TargetError(f"{scheme}:// has no path, but the target says {path!r}", "end the target after the port")
    return ""


def _addresses(text: str, scheme: Scheme) -> tuple[Address, ...]:
    addresses = tuple(_address(part.strip(), scheme) for part in text.split(","))
    twice = [address for address in addresses if addresses.count(address) > 1]
    if twice:
        raise TargetError(
            f"the target names {twice[0]} twice", "write each address once: clients spread evenly over them"
        )
    return addresses


def _address(text: str, scheme: Scheme) -> Address:
    if bracketed := _BRACKETED.fullmatch(text):
        return Address(_ipv6(bracketed["host"]), _port(bracketed["port"], text, scheme))
    # an IPv6 address without brackets: its last group could be a port
    if text.count(":") > 1:
        raise TargetError(f"{text!r} is not an address", f"write an IPv6 address in brackets: [{text}]:1883")
    host, colon, port = text.partition(":")
    if not _HOST.fullmatch(host) or len(host) > 253:
        raise TargetError(f"{host!r} is not the name or address of a host", _FORMS)
    return Address(host, _port(port if colon else None, text, scheme))


def _ipv6(host: str) -> str:
    plain, percent, zone = host.partition("%")
    if zone.startswith("25") and len(zone) > 2:
        zone = zone[2:]  # a URL escapes the % (RFC 6874)
    if percent and not _ZONE.fullmatch(zone):
        raise TargetError(f"{host!r} names no interface after %", "write one such as [fe80::1%eth0]:1883")
    try:
        return str(ipaddress.IPv6Address(plain)) + percent + zone
    except ValueError:
        raise TargetError(f"{host!r} is not an IPv6 address", "write one such as [::1]:1883") from None


def _port(text: str | None, address: str, scheme: Scheme) -> int:
    if text is None:
        return DEFAULT_PORT[scheme]
    # int() would also read digits of other scripts
    if text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535:
        return int(text)
    raise TargetError(f"{address!r}: {text!r} is not a port", "write a number from 1 to 65535, such as host:1883")
