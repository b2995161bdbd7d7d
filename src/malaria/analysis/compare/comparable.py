"""Tell whether two runs were made under the same conditions: load, hold, way in, and the hosts that made the load.

The target itself is no condition: it is what a comparison is about. Thresholds are none either: they change verdicts,
not figures. Nor is the seed: of two runs without one, each draws its own. Changes of the running load count as they
were made, by hand or by the warhead, so that a run and its repetition by `steered.toml` are alike.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from malaria.analysis.windows import bees_of, workers_of
from malaria.clock import NS_PER_S
from malaria.errors import OperatorError
from malaria.model.target import Target, parse_target
from malaria.records.run import Run
from malaria.records.run_meta import EnvironmentFacts
from malaria.records.search_goal import SearchGoal

HOST_FACTS: Final = ("host", "system", "processor", "cores", "python", "malaria")
NO_CONDITIONS: Final = frozenset({"target", "thresholds", "change"})
"""Tables of a warhead that are no load, or not what was made of it."""
END: Final = "end"
NO_ATTACK_CONDITIONS: Final = ("duration", "seed")
WAY_IN: Final = ("tls_version", "ciphers", "resume", "server_name")
"""Keys of a target whose values count; of the others only that they are there: another broker has other keys."""

_SEARCHED: Final = re.compile(r"warhead: group\[\d+\]\.(clients|rate|interval)")
"""A condition that a search varies."""
UNKNOWN: Final = "unknown"

type Conditions = Mapping[str, str]
"""The conditions of a run: a name such as `warhead: group[0].clients` -> its value as text."""


def conditions_of(run: Run) -> Conditions:
    """Return the conditions of a run. One that is unknown says so."""
    return dict([*_load(run), *_changes(run), *_way_in(run), *_hosts(run)])


def conditions_hash(conditions: Conditions) -> str:
    """Return a short hash: runs with the same one can be compared."""
    text = json.dumps(sorted(conditions.items()))
    return hashlib.sha256(text.encode("utf-8", errors="backslashreplace")).hexdigest()[:12]


def condition_changes(a: Conditions, b: Conditions) -> list[str]:
    """Return a line for each condition that differs: `warhead: group[0].clients: 100 in A, 200 in B`.

    One that is unknown differs from everything.
    """
    pairs = {name: (a.get(name, "none"), b.get(name, "none")) for name in (*a, *b)}
    return [
        f"{name}: {of_a} in A, {of_b} in B" for name, (of_a, of_b) in pairs.items() if of_a != of_b or of_a == UNKNOWN
    ]


def searched_conditions(conditions: Conditions, goal: SearchGoal) -> Conditions:
    """Return the conditions of a search: those of one of its trials without the load that it varied, and its goal."""
    kept = {name: value for name, value in conditions.items() if not _SEARCHED.fullmatch(name) and name != "hold"}
    by = "rate" if goal.by_rate else "clients"
    return kept | {"search: by": by, "search: width": f"{goal.width:g}", "search: hold": f"{goal.hold_s:g} s"}


def _load(run: Run) -> Iterator[tuple[str, str]]:
    """Yield the keys of the warhead, and its hold."""
    try:
        table = tomllib.loads(run.meta.warhead_toml or "")
    except (ValueError, RecursionError):
        table = {}
    if not table:
        yield "warhead", UNKNOWN
    kept = {name: value for name, value in table.items() if name not in NO_CONDITIONS}
    attack = kept.get("attack")
    if isinstance(attack, dict):
        for key in NO_ATTACK_CONDITIONS:
            attack.pop(key, None)
    for group in kept.get("group") or []:
        if isinstance(group, dict):
            group.pop("target", None)
    yield from (("warhead: " + path, text) for path, text in _flat(kept, ""))
    hold_s = run.meta.duration_planned_s
    yield "hold", "until the last message" if hold_s is None else f"{hold_s:g} s"


def _changes(run: Run) -> Iterator[tuple[str, str]]:
    """Yield each change of the running load that was made, with its time from the beginning of the measured time.

    An end is not among them: it is the hold.
    """
    begin_ns = run.meta.measure_start_ns or 0
    made = [((change.at_ns or 0) - begin_ns, change.change) for change in run.meta.changes if change.verb != END]
    made.sort()
    for number, (at_ns, change) in enumerate(made, 1):
        yield f"change {number}", f"{change} at {at_ns / NS_PER_S:.9f} s"


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield each value of nested tables with its path: `group[0].clients`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{number}]")
    else:
        yield path, json.dumps(value, default=str)


def _way_in(run: Run) -> Iterator[tuple[str, str]]:
    try:
        target = parse_target(run.meta.target or "")
    except OperatorError:
        yield "way in", UNKNOWN
        return
    yield "way in", f"{target.scheme}, {'this host' if _is_local(target) else 'over the network'}"
    try:
        keys = tomllib.loads(run.meta.warhead_toml or "").get("target") or {}
    except (ValueError, RecursionError):
        keys = {}
    for key, value in keys.items():
        if key != "url":
            yield f"way in: {key}", json.dumps(value, default=str) if key in WAY_IN else "given"


def _is_local(target: Target) -> bool:
    """Tell whether the target is reached without a network."""
    host = target.addresses[0].host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _hosts(run: Run) -> Iterator[tuple[str, str]]:
    yield "load made by: workers", str(len(workers_of(run)))
    yield "load made by: bees", str(len(bees_of(run)) or 1)
    hosts: dict[str, EnvironmentFacts | None] = dict(run.meta.bee_environments) or {"": run.meta.environment}
    for name, facts in sorted(hosts.items()):
        if facts is None:
            yield "host", UNKNOWN
        for fact in HOST_FACTS if facts is not None else ():
            yield f"{name or 'host'}: {fact}", str(getattr(facts, fact))
