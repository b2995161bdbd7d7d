"""Make the campaign of a comparison from two sides and the options of `malaria compare --ab`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from malaria.campaigns.definition import parsed, read_text
from malaria.campaigns.request import CampaignRequest
from malaria.campaigns.request_of_tables import drop_login, login_keys, request_of_tables, takes_login
from malaria.errors import CampaignError
from malaria.model.broker import BrokerKind
from malaria.model.observe import Observe
from malaria.model.option_table import LoadOptions
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead, load_warhead, to_table
from malaria.model.warhead_options import override
from malaria.printable import printable

FILE: Final = "compare"
"""What errors call the campaign that the options make."""
STARTED: Final = (BrokerKind.MOSQUITTO, BrokerKind.EMBEDDED)
"""The kinds of broker that a word starts, without a file."""
LONGEST_TITLE: Final = 30
DEFAULT_HOLD: Final = "10s"
MOSQUITTO_PORT: Final = 1883
_PORT: Final = re.compile(r"^\s*(?:listener|port)\s+(\d{1,5})\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """A comparison as it was asked for. `a` and `b` are targets, brokers or warheads as they were typed.

    `target` is the target or broker of two warheads. `comparison` has keys of `[comparison]`. `login` is the user name
    and the password for every client whose group states none.
    """

    a: str
    b: str
    warhead: Warhead
    load: LoadOptions
    hold: str
    comparison: Mapping[str, Any]
    observe: Observe
    target: str | None = None
    login: tuple[str | None, str | None] = field(default=(None, None), repr=False)
    one_load: bool = False
    """The load for both sides was stated (-w, --no-subscriber), which two warheads have no use for."""


def comparison_keys(pairs: int | None, band: str | float | None, fail_if_worse: str | float | None) -> dict[str, Any]:
    """Return the keys of `[comparison]` that were given. Raises CampaignError for two bands."""
    if band is not None and fail_if_worse is not None and band != fail_if_worse:
        raise CampaignError("--band and --fail-if-worse state two bands", "give one of them")
    worse = fail_if_worse is not None
    stated = {"pairs": pairs, "band": fail_if_worse if worse else band, "fail_if_worse": worse or None}
    return {key: value for key, value in stated.items() if value is not None}


def compare_request(
    options: CompareOptions, command: str, directory: Path, workers: Callable[[int], int]
) -> CampaignRequest:
    """Return the request of a comparison from its beginning. Raises OperatorError."""
    return request_of_tables(_tables(options), FILE, command, directory, workers)


def _tables(options: CompareOptions) -> dict[str, Any]:
    login = login_keys(*options.login)
    warhead = to_table(options.warhead.with_credentials(*options.login))
    warhead["attack"].pop("duration", None)
    access = warhead.pop("target", {})
    takes_login(access, login)
    sides = [_side(text, options, access) for text in (options.a, options.b)]
    _check_sides(sides, options)
    _drop_logins(sides, warhead, login)
    return {
        "title": f"A {_title(options.a)} · B {_title(options.b)}",
        "observe": options.observe.model_dump(by_alias=True, exclude_unset=True, exclude_none=True),
        "defaults": {"hold": options.hold, "warhead": warhead},
        "comparison": dict(options.comparison),
        "level": sides,
    }


def _drop_logins(sides: Sequence[dict[str, Any]], shared: dict[str, Any], login: Mapping[str, str]) -> None:
    """Remove a login from the groups whose targets have it: only there it gets its password back on --resume."""
    have_it = [login.items() <= side.get("target", {}).items() for side in sides]
    for side, has_it in zip(sides, have_it, strict=True):
        if has_it and "warhead" in side:
            drop_login(side["warhead"], login)
    if all(have_it):
        drop_login(shared, login)


def _check_sides(sides: Sequence[dict[str, Any]], options: CompareOptions) -> None:
    loads = ["warhead" in side for side in sides]
    if loads[0] != loads[1]:
        raise CampaignError("one side is a warhead, the other a target or a broker", "compare two of one kind")
    if loads[0] and options.one_load:
        raise CampaignError("-w and --no-subscriber would do nothing: A and B are the loads", "leave them out")
    if loads[0] and options.target is None and not all("url" in side.get("target", {}) for side in sides):
        raise CampaignError("two warheads need a target", "add --target HOST, or --target mosquitto")
    if not loads[0] and options.target is not None:
        raise CampaignError("--target is for two warheads", "leave it out: A and B are the targets")


def _side(text: str, options: CompareOptions, access: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of a level for a side. `access` has the keys of `[target]` that both sides share."""
    title = {"title": _title(text)}
    path = Path(text)
    if path.suffix == ".toml" and "group" in parsed(read_text(path), text, path.parent):
        loaded = override(load_warhead(path, options.hold), options.load, text)
        warhead = to_table(loaded.with_credentials(*options.login))
        warhead["attack"].pop("duration", None)
        own, login = warhead.pop("target", {}), login_keys(*options.login)
        takes_login(own, login)
        # another broker than that of the file: none of the file's credentials may reach it
        place = {"target": own} if options.target is None else _place(options.target, options, login)
        return title | place | {"warhead": warhead}
    return title | _place(text, options, access)


def _place(text: str, options: CompareOptions, access: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a level for a broker (a word, a configuration of mosquitto, tables) or for an address."""
    path = Path(text)
    if text in STARTED:
        return {"broker": {"kind": text}, "target": {key: value for key, value in access.items() if key != "url"}}
    if path.suffix == ".conf":
        port = _PORT.search(read_text(path))
        url = f"mqtt://127.0.0.1:{port[1] if port else MOSQUITTO_PORT}"
        return {"broker": {"kind": "mosquitto", "config": str(path.absolute())}, "target": {**access, "url": url}}
    if path.suffix == ".toml":
        return _tables_of(path, login_keys(*options.login))
    target = parse_target(text).with_credentials(*options.login)
    table = {**access, "url": replace(target, username=None, password=None).url}
    login = login_keys(target.username, target.password)
    # with a file of users, the login stays in: the check of [target] refuses both together
    return {"target": table if takes_login(table, login) else table | login}


def _tables_of(path: Path, login: Mapping[str, str]) -> dict[str, Any]:
    """Return the tables of a broker or a target, with a login in their `[target]`."""
    tables = parsed(read_text(path), str(path), path.parent)
    target = tables.setdefault("target", {})
    if not isinstance(target, dict):
        raise CampaignError(f"{path}: target is no table", "write [target], and its keys below it")
    takes_login(target, login)
    return tables


def _title(text: str) -> str:
    """Return a name for a side in one line: of a file its name, of a URL all of it without its password."""
    path, name = Path(text), text
    if path.suffix in (".toml", ".conf"):
        name = path.name
    elif text not in STARTED:
        name = parse_target(text).url
    return printable(name)[:LONGEST_TITLE]
