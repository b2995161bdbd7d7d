"""The choice of observers of the target side: `[observe]` of a campaign, `--observe` of a command.

    [observe]
    sys = true                        # or the keys of [target] that differ for it
    process = "ssh://admin@broker/mosquitto"  # or 4711, "mosquitto", ":1883"
    host = "ssh://admin@broker"       # or true: this machine
    prometheus = {url = "http://broker:15692/metrics", series = ["rabbitmq_queue_messages.*"]}
    docker = "emqx"
    perf = {seconds = "10s", at = "1m"}

The default depends on the target. On this machine it is `sys`, `host` and the process that listens on the target's
port; elsewhere it is `sys`. A default observer that does not work is left out without an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.errors import OperatorError
from malaria.model.access import Access
from malaria.model.faults import explain, key_path
from malaria.model.fields import DurationNs, Flag
from malaria.model.table import Table
from malaria.ssh.destination import SshDestination, parse_destination
from malaria.units import NotationError

SSH: Final = "ssh://"
LARGEST_PID: Final = 1 << 22
"""What Linux gives out at most (PID_MAX_LIMIT)."""
SHORTEST_INTERVAL_NS: Final = 100 * NS_PER_MS
LONGEST_PERF_NS: Final = 300 * NS_PER_S
NONE: Final = "none"

_NAME: Final = re.compile(r"[^\W\d][^:/]{0,63}")
_PROCESS_FORMS: Final = (
    'write a process id, a name, ":1883" for the process that listens there, or "ssh://user@host/NAME"'
)
_CONTAINER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class ProcessChoice:
    """The process to observe. Without pid, name and port it is the one that listens on the target's port."""

    pid: int | None = None
    name: str | None = None
    port: int | None = None
    ssh: SshDestination | None = None

    def __str__(self) -> str:
        own = str(self.pid) if self.pid is not None else f":{self.port}" if self.port else self.name or ""
        if self.ssh is None:
            return own
        return f"{SSH}{self.ssh}/{own}" if own else f"{SSH}{self.ssh}"


def _process(value: Any) -> Any:
    # false takes away the default; both are no process
    if isinstance(value, ProcessChoice) or value is False or value is None:
        return None if value is False else value
    if value is True:
        return ProcessChoice()
    if isinstance(value, str) and value.startswith(SSH):
        host, rest = _ssh(value)
        return _one(rest, value, host)
    if isinstance(value, int | str):
        return _one(str(value), value, None)
    raise NotationError(f"{value!r} is not a process", _PROCESS_FORMS)


def _one(text: str, value: object, ssh: SshDestination | None) -> ProcessChoice:
    own = text.strip()
    if not own and ssh is not None:
        return ProcessChoice(ssh=ssh)
    digits = own.removeprefix(":")
    # isdigit alone takes digits of other scripts, and int() would read them
    if digits.isascii() and digits.isdigit() and len(digits) < 8:
        number = int(digits)
        if own.startswith(":") and 0 < number < 1 << 16:
            return ProcessChoice(port=number, ssh=ssh)
        if not own.startswith(":") and 0 < number <= LARGEST_PID:
            return ProcessChoice(pid=number, ssh=ssh)
    elif own.isprintable() and _NAME.fullmatch(own):
        return ProcessChoice(name=own, ssh=ssh)
    raise NotationError(f"{str(value)[:80]!r} is not a process", _PROCESS_FORMS)


def _ssh(text: str) -> tuple[SshDestination, str]:
    """Return the host and the path of an ssh:// address. Raises NotationError."""
    address, _, rest = text.removeprefix(SSH).partition("/")
    if ":" in address.rpartition("@")[0]:
        raise NotationError("ssh:// with a password", "use a key, or an agent: ssh-copy-id user@host")
    return parse_destination(address), unquote(rest)


def _host(value: Any) -> Any:
    if isinstance(value, str):
        if not value.startswith(SSH):
            raise NotationError(
                f"{value[:80]!r} is not a host to observe", 'write true (this machine) or "ssh://user@host"'
            )
        host, rest = _ssh(value)
        # a path would be ignored, and the operator believes that it chooses something
        if rest:
            raise NotationError(f"{value[:80]!r} says more than a host", 'write "ssh://user@host"')
        return host
    if isinstance(value, bool | SshDestination) or value is None:
        return value
    raise NotationError(f"{value!r} is not a host to observe", 'write true (this machine) or "ssh://user@host"')


def _sys(value: Any) -> Any:
    return Access.model_validate(value) if isinstance(value, dict) else value


def _page(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


def _page_url(value: Any) -> str:
    text = value if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        # `port` raises for one over 65535
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or not text.isprintable() or " " in text:
        raise NotationError("this is not the address of a Prometheus page", 'write "http://broker:15692/metrics"')
    return text


def _pattern(value: Any) -> str:
    try:
        re.compile(value)
    except (re.error, TypeError, RecursionError, OverflowError):
        raise NotationError(
            f"{str(value)[:80]!r} is not a regular expression", 'write a name, or a pattern: "emqx_messages_.*"'
        ) from None
    return str(value)


def _container(value: Any) -> Any:
    if value is None or (isinstance(value, str) and _CONTAINER.fullmatch(value)):
        return value
    raise NotationError(f"{str(value)[:80]!r} is not the name of a container", "docker ps lists them")


def _perf(value: Any) -> Any:
    return {} if value is True else None if value is False else value


class Prometheus(Table):
    """A Prometheus page of the broker."""

    url: Annotated[str, BeforeValidator(_page_url, json_schema_input_type=str)] = Field(repr=False)
    """Address of the page."""
    series: tuple[Annotated[str, BeforeValidator(_pattern, json_schema_input_type=str)], ...] = ()
    """Names of series to keep, or regular expressions; none keeps all, up to a bound."""


class Perf(Table):
    """The settings of `perf record` on the broker's process."""

    seconds_ns: DurationNs = Field(default=10 * NS_PER_S, alias="seconds", gt=0, le=LONGEST_PERF_NS)
    """How long to sample."""
    at_ns: DurationNs = Field(default=0, alias="at")
    """When to begin, counted from the beginning of the measured time."""


class Observe(Table):
    """The keys of `[observe]`. None stands for a key that was not stated."""

    sys: Annotated[bool | Access | None, BeforeValidator(_sys, json_schema_input_type=bool | Access)] = None
    """Read $SYS of the broker: true, false, or the keys of [target] that differ for it."""
    process: Annotated[
        ProcessChoice | None, BeforeValidator(_process, json_schema_input_type=bool | int | str), PlainSerializer(str)
    ] = None
    """The process of the broker: a process id, a name, ":PORT", or "ssh://user@host/NAME"; true finds it by its
    port."""
    host: Annotated[
        bool | SshDestination | None,
        BeforeValidator(_host, json_schema_input_type=bool | str),
        PlainSerializer(lambda host: f"{SSH}{host}" if isinstance(host, SshDestination) else host),
    ] = None
    """The host of the broker: true for this machine, or "ssh://user@host"."""
    prometheus: Annotated[Prometheus | None, BeforeValidator(_page, json_schema_input_type=str | Prometheus)] = None
    """A Prometheus page of the broker: its address, or a table with url and series."""
    docker: Annotated[str | None, BeforeValidator(_container, json_schema_input_type=str)] = None
    """The container of the broker."""
    perf: Annotated[Perf | None, BeforeValidator(_perf, json_schema_input_type=bool | Perf)] = None
    """Sample the stacks of the broker with `perf record`."""
    interval_ns: DurationNs = Field(default=NS_PER_S, alias="interval", ge=SHORTEST_INTERVAL_NS)
    """Time between two readings."""
    ssh_config: str | None = None
    """Configuration file of ssh."""
    only_stated: Flag = Field(default=False, alias="only")
    """Observe only what is stated here, and nothing by default."""

    def is_stated(self, name: str) -> bool:
        """Tell whether an observer was asked for, or would only run by default."""
        return name in self.model_fields_set


NOTHING: Final = Observe.model_validate({"sys": False, "process": False, "host": False, "only": True})


def observe_from_options(texts: Sequence[str]) -> Observe:
    """Read `--observe sys,host,process=mosquitto,prometheus=URL,docker=NAME,perf=10s@1m`, or `none`.

    Raises OperatorError.
    """
    # the option can be repeated, and each may hold several
    parts = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    if not parts:
        return Observe()
    if parts == [NONE]:
        return NOTHING
    table: dict[str, Any] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if name not in OPTIONS:
            raise OperatorError(f"--observe: {_unknown(part)}", f"known are {', '.join(OPTIONS)}; or none alone")
        table[name] = OPTIONS[name](value) if equals else True
        # --observe names all observers; a setting such as interval leaves the defaults on
        table |= {} if name in SETTINGS else {"only": True}
    try:
        return Observe.model_validate(table)
    except ValidationError as error:
        raise explain(error, lambda place: f"--observe {key_path(place)}".strip(), {"": frozenset(OPTIONS)}) from None


def _perf_table(text: str) -> dict[str, str]:
    seconds, at, moment = text.partition("@")
    return {"seconds": seconds} | ({"at": moment} if at else {})


def _unknown(part: str) -> str:
    return "none cannot stand beside observers" if part == NONE else f"{part[:80]!r} is not an observer"


OPTIONS: Final[Mapping[str, Callable[[str], Any]]] = {
    "sys": bool,
    "host": str,
    "process": str,
    "prometheus": str,
    "docker": str,
    "perf": _perf_table,
    "interval": str,
    "ssh_config": str,
}
"""Observer -> how what stands behind `=` is written in the table."""
SETTINGS: Final = frozenset({"interval", "ssh_config"})
"""What says how to observe, not what."""
