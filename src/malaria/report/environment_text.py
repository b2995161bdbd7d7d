"""The environment of a run as names and plain texts: target, broker, generator, bees, host, and who observed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from malaria.analysis.clocks import clock_words
from malaria.analysis.summary_figures import Summary
from malaria.analysis.windows import bees_of
from malaria.clock import NS_PER_MS
from malaria.records.run import Run
from malaria.report.figure_text import UNKNOWN, broker_name, things
from malaria.units import format_bytes, format_count, format_ms

BEES_NAMED: Final = 20
CONDUCTOR: Final = "conductor"
_HOST_FIELDS: Final = (
    "host", "system", "processor", "cores", "memory_bytes", "open_files_limit", "ephemeral_ports", "accept_backlog",
    "clock_source", "python", "openssl", "numpy", "malaria",
)  # fmt: skip
HOST_HEAD: Final = ("", *(name.removesuffix("_bytes").replace("_", " ") for name in _HOST_FIELDS))
OBSERVER_HEAD: Final = ("observer", "observed", "samples", "late samples", "dropped rows", "gaps", "last message")
_OBSERVER_FIELDS: Final = ("observer", "about", "samples", "late_samples", "dropped_rows", "gaps", "reason")


def environment(run: Run, summary: Summary) -> list[tuple[str, str]]:
    """Return each fact as name and value; what is not known is left out or a dash."""
    generator = summary.generator
    named = [
        ("target", str(summary.target or UNKNOWN)),
        ("broker", broker_name(run, summary)),
        ("started", str(summary.started or UNKNOWN)),
        ("malaria", str(summary.version or UNKNOWN)),
        ("generator", things(generator.workers, "worker")),
    ]
    named += _swarm(run)
    # 0 would be a worker that reported nothing
    if generator.rss_bytes:
        named.append(("generator memory", format_bytes(generator.rss_bytes)))
    host = run.meta.environment
    # where bees made the load each host has a row of its own
    known = host.as_json() if host and not run.meta.bee_environments else {}
    named += [_named(name, value) for name, value in known.items() if name != "malaria"]
    return named + [("note", note) for note in run.meta.notes]


def _swarm(run: Run) -> list[tuple[str, str]]:
    """Return the bees, how far apart they started, and the error of their clocks; nothing for a single host."""
    bees = bees_of(run)
    if not bees:
        return []
    named = [("bees", f"{format_count(len(bees))}: {', '.join(bees[:BEES_NAMED])}{' …' * (len(bees) > BEES_NAMED)}")]
    start = run.meta.start
    if start and start.spread_ns is not None:
        named.append(("start spread", format_ms(start.spread_ns / NS_PER_MS)))
    if words := clock_words(run):
        named.append(("clocks between bees", words))
    return named


def _named(name: str, value: object) -> tuple[str, str]:
    # the unit is in the name of a fact, for programs; people get it with the number
    if name.endswith("_bytes") and isinstance(value, int):
        return name.removesuffix("_bytes").replace("_", " "), format_bytes(value)
    if isinstance(value, dict):
        return name.replace("_", " "), ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
    return name.replace("_", " "), _plain(value)


def _plain(value: object) -> str:
    return format_count(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def host_rows(run: Run) -> list[list[str]]:
    """Return a row under HOST_HEAD for the conductor's host and each bee's; none where one host made the load."""
    bees = run.meta.bee_environments
    if not bees:
        return []
    hosts = {CONDUCTOR: run.meta.environment} | dict(bees)
    return [[name, *_host_cells(facts.as_json())] for name, facts in hosts.items() if facts]


def _host_cells(known: Mapping[str, object]) -> list[str]:
    return [_named(name, known[name])[1] if known.get(name) is not None else UNKNOWN for name in _HOST_FIELDS]


def observer_rows(run: Run) -> list[list[str]]:
    """Return a row under OBSERVER_HEAD for each observer of the run."""
    return [[_known(getattr(one, name)) for name in _OBSERVER_FIELDS] for one in run.meta.observers]


def _known(value: object) -> str:
    return UNKNOWN if value is None else _plain(value)
