"""Say in our own words what is wrong with a command line, and what to write instead.

Knows the habits of other MQTT tools: `-h HOST`, `-p PORT`, `HOST PORT`, TLS as an option. Where their meaning is
certain but the place is another, the error shows the command to write.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import typer
from typer._click.exceptions import BadParameter, MissingParameter, NoSuchOption

from malaria.errors import OperatorError

HELP: Final = "-h"
HAVE_TARGET: Final = ("attack", "publish", "subscribe", "connect", "capacity", "watch", "doctor")
"""The commands whose first word is TARGET."""
HOST_OPTIONS: Final = ("--host", "-H", "--broker", "--url", "--server")
PORT_OPTIONS: Final = ("-p", "--port")
TLS_OPTIONS: Final = ("--tls", "--ssl", "-S", "--use-tls")
LARGEST_PORT: Final = 65_535
KINDS: Final = {"Input should be a valid integer": "a whole number", "Input should be a valid number": "a number"}
"""The words for a value that is not of its kind."""
_EXTRA: Final = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((?P<words>.*)\)", re.DOTALL)
_NO_COMMAND: Final = re.compile(r"No such command '(?P<name>.*?)'\.?(?P<rest>.*)", re.DOTALL)
_NEEDS_VALUE: Final = re.compile(r"Option '?(?P<flag>\S+?)'? requires (?:an|\d+) arguments?", re.DOTALL)
_QUOTED: Final = re.compile(r"'([^']+)'")
_BETWEEN_FLAGS: Final = "/"


class UsageError(OperatorError):
    """A command line that is no command of malaria."""


def refuse_help_with_words(arguments: Sequence[str]) -> None:
    """Raise UsageError for `-h HOST`, which means the host to other tools: -h is help when nothing follows it."""
    place = next((n for n, word in enumerate(arguments) if word.startswith(HELP)), None)
    if place is None or arguments[0] not in HAVE_TARGET or "--" in arguments[:place]:
        return
    host = arguments[place].removeprefix(HELP) or next(iter(arguments[place + 1 :]), "")
    if host and not host.startswith("-"):
        raise UsageError(
            f"-h {host}: -h is help here, and the broker is the word TARGET",
            f"write: malaria {arguments[0]} {_target(host, arguments)}",
        )


def usage_fault(error: typer.TyperException, arguments: Sequence[str]) -> UsageError:
    """Return what typer found wrong, in our words."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "malaria"
    see = f"see: {path} --help"
    if isinstance(error, NoSuchOption):
        return _unknown_option(error, arguments, see)
    message = error.format_message().strip().rstrip(".")
    if isinstance(error, MissingParameter):
        name = _name_of(error.param) or "an argument"
        return UsageError(f"{name} is missing", see)
    if isinstance(error, BadParameter):
        return _bad_value(error, arguments, see)
    for pattern, words in ((_EXTRA, _extra_words), (_NO_COMMAND, _unknown_command), (_NEEDS_VALUE, _no_value)):
        if found := pattern.fullmatch(message):
            return words(found, arguments, see)
    return UsageError(message, see)


def _bad_value(error: BadParameter, arguments: Sequence[str], see: str) -> UsageError:
    flags = [*getattr(error.param, "opts", ())]
    written = next((value for flag in flags if (value := _value_of(flag, arguments))), "what is written")
    kind = next((ours for theirs, ours in KINDS.items() if error.message.startswith(theirs)), None)
    return UsageError(f"{_flag_of(error)}{f'{written!r} is not {kind}' if kind else error.message}", see)


def _unknown_option(error: NoSuchOption, arguments: Sequence[str], see: str) -> UsageError:
    flag = error.option_name
    what = f"there is no option {flag}"
    if arguments and arguments[0] in HAVE_TARGET:
        value = _value_of(flag, arguments)
        if flag in HOST_OPTIONS:
            return UsageError(f"{what}: the broker is the word TARGET", _command(arguments, value or "HOST"))
        if flag in PORT_OPTIONS:
            host = _host_before(arguments)
            return UsageError(f"{what}: the port is a part of TARGET", _command(arguments, f"{host}:{value or 'PORT'}"))
        if flag in TLS_OPTIONS:
            host = _host_before(arguments)
            return UsageError(f"{what}: TLS is a scheme of TARGET", _command(arguments, f"mqtts://{host}"))
    # a name of three letters is near to none
    near = [name for name in error.possibilities or () if name[:3] == flag[:3]]
    return UsageError(what, f"did you mean {near[0]}? {see}" if near else see)


def _extra_words(found: re.Match[str], arguments: Sequence[str], see: str) -> UsageError:
    words = found["words"]
    if arguments[0] in HAVE_TARGET and words.isdigit() and 0 < int(words) <= LARGEST_PORT:
        host = _host_before(arguments)
        return UsageError(f"{words}: the port is a part of TARGET", _command(arguments, f"{host}:{words}"))
    return UsageError(f"{words}: a word too many", see)


def _unknown_command(found: re.Match[str], _: Sequence[str], see: str) -> UsageError:
    near = _QUOTED.findall(found["rest"])
    meant = f"did you mean {near[0]}? " if near else ""
    return UsageError(f"there is no command {found['name']}", f"{meant}{see}")


def _no_value(found: re.Match[str], _: Sequence[str], see: str) -> UsageError:
    return UsageError(f"{found['flag']}: its value is missing", see)


def _flag_of(error: BadParameter) -> str:
    """Return `-c/--clients: `, as other errors call an option."""
    param: Any = error.param
    names = [*getattr(param, "opts", ())] if param is not None else []
    # an argument has no flag but its name
    shown = _BETWEEN_FLAGS.join(names) if any(name.startswith("-") for name in names) else ""
    return f"{shown or _name_of(param) or 'argument'}: "


def _name_of(param: Any) -> str:
    return str(getattr(param, "human_readable_name", "") or "")


def _command(arguments: Sequence[str], target: str) -> str:
    return f"write: malaria {arguments[0]} {target}"


def _value_of(flag: str, arguments: Sequence[str]) -> str:
    """Return the value that was written with an option, or nothing."""
    for number, word in enumerate(arguments):
        if word == flag:
            return next(iter(arguments[number + 1 : number + 2]), "")
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
        if len(flag) == 2 and word.startswith(flag):
            return word[2:]
    return ""


def _host_before(arguments: Sequence[str]) -> str:
    """Return the host that the command names: TARGET, or the value of a foreign option."""
    named = [value for flag in HOST_OPTIONS if (value := _value_of(flag, arguments))]
    first = arguments[1] if len(arguments) > 1 and not arguments[1].startswith("-") else ""
    return next(iter((*named, first)), "") or "HOST"


def _target(host: str, arguments: Sequence[str]) -> str:
    port = next((value for flag in PORT_OPTIONS if (value := _value_of(flag, arguments)).isdigit()), "")
    return f"{host}:{port}" if port else host
