"""`malaria keygen`: make keys and passwords for thousands of clients."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from malaria.cli.output import write_text
from malaria.errors import OperatorError

EXAMPLES: Final = (
    "malaria keygen -n 20000 > malaria.psk",
    "malaria keygen -n 3000 --identity 'meter-{index:05d}' -o malaria.psk",
    "malaria keygen -n 20000 --split 20 -o malaria.psk",
    "malaria keygen --split 20 --of malaria.psk",
    "malaria keygen -n 3000 --format csv -o users.csv",
)
FORMATS: Final = ("psk", "csv", "login", "mosquitto")
IDENTITY: Final = "malaria-{index}"
KEY_BYTES: Final = 32
KEPT_PRIVATE: Final = 0o600
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def keygen(
    count: Annotated[
        int | None, typer.Option("-n", "--count", metavar="N", help="Number of identities.", min=1, show_default=False)
    ] = None,
    identity: Annotated[
        str, typer.Option("--identity", metavar="PATTERN", help="Pattern of the identities: {index} counts from 0.")
    ] = IDENTITY,
    key_bytes: Annotated[int, typer.Option("--bytes", metavar="N", help="Length of a key.", min=8, max=64)] = KEY_BYTES,
    kind: Annotated[
        str, typer.Option("--format", metavar="|".join(FORMATS), help="Pre-shared keys, or user names with passwords.")
    ] = FORMATS[0],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="File to write, readable by you alone (default: standard output).",
            show_default=False,
        ),
    ] = None,
    parts: Annotated[
        int | None,
        typer.Option(
            "--split", metavar="N", help="One file for each of N bees: FILE.1 to FILE.N.", min=1, show_default=False
        ),
    ] = None,
    of: Annotated[
        Path | None,
        typer.Option("--of", metavar="FILE", help="Split this file, instead of new keys.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
) -> int:
    """Make pre-shared keys, one a line, as mosquitto's psk_file and --psk-file read them; or users with passwords.

    Keys come from the system's cryptographic source. Files are readable by their owner alone. A split gives each bee
    exactly the lines of its clients.
    """
    stated = {
        "--count": count is not None,
        "--identity": identity != IDENTITY,
        "--format": kind != FORMATS[0],
        "--bytes": key_bytes != KEY_BYTES,
    }
    _refuse_idle(stated, kind, split_only=of is not None)
    lines = _read(of) if of is not None else _make(count, identity, key_bytes, kind)
    if parts is None:
        _put(lines, output, force=force)
    else:
        _put_parts(lines, parts, output or of, force=force)
    return 0


def _refuse_idle(stated: Mapping[str, bool], kind: str, *, split_only: bool) -> None:
    """Raise OperatorError for an option that was given and would do nothing."""
    given = next((name for name, is_given in stated.items() if is_given), None)
    if split_only and given is not None:
        raise OperatorError(f"{given} is for new keys, and --of splits those of a file", "leave one of them out")
    if stated["--bytes"] and kind in FORMATS[1:]:
        raise OperatorError(f"--bytes is for pre-shared keys, and --format {kind} has passwords", "leave it out")


def _put_parts(lines: Sequence[str], parts: int, stem: Path | None, *, force: bool) -> None:
    """Write the lines of each bee into a file of its own. Raises OperatorError before the first one is written."""
    from malaria.plan.keys import split

    if stem is None:
        raise OperatorError(
            "--split writes several files, and none is named", "give -o FILE: it makes FILE.1 to FILE.N"
        )
    # a bee without keys would refuse its clients in the middle of the start
    if parts > len(lines):
        raise OperatorError(
            f"{len(lines):,} lines for {parts:,} bees: some would get none", "make more keys, or less bees"
        )
    files = {Path(f"{stem}.{number}"): part for number, part in enumerate(split(lines, parts), 1)}
    # all are checked before the first one is written
    for file in files:
        _refuse_taken(file, force=force)
    for file, part in files.items():
        _put(part, file, force=force)


def _make(count: int | None, identity: str, key_bytes: int, kind: str) -> list[str]:
    from malaria.model.placeholders import check_template
    from malaria.plan.keys import Format, make_lines
    from malaria.units import NotationError

    if count is None:
        raise OperatorError("the number of keys is missing", "give -n N, as many as there are clients")
    if kind not in FORMATS:
        raise OperatorError(f"--format {kind}: no such format", f"write one of {', '.join(FORMATS)}")
    try:
        # run and group are not known before an attack
        used = check_template(identity, frozenset({"index"}))
    except NotationError as error:
        raise OperatorError(f"--identity: {error.message}", error.remedy) from None
    if count > 1 and "index" not in used:
        raise OperatorError("--identity is the same for every client", "put {index} into it, such as meter-{index:05d}")
    # the width in {index:05d} has a colon of its own
    if not identity.isprintable() or any(mark in identity.replace("{index:", "{index") for mark in ':,#"'):
        raise OperatorError("--identity has a character that such files cannot hold", "leave out : , # and quotes")
    return list(make_lines(Format(kind), count, identity, key_bytes))


def _read(path: Path) -> list[str]:
    from malaria.plan.credentials import read_lines

    return [line for _, line in read_lines(path)]


def _put(lines: Sequence[str], file: Path | None, *, force: bool) -> None:
    text = "".join(f"{line}\n" for line in lines)
    # the shell has opened the file of `>`, often readable by all
    if file is None:
        _keep_private(sys.stdout.fileno())
        write_text(text)
        return
    _refuse_taken(file, force=force)
    unfinished = file.with_name(f"{file.name}.new-{os.getpid()}")
    try:
        # beside the file, then renamed: a full disk leaves the old keys whole
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, KEPT_PRIVATE), "w") as out:
            out.write(text)
        unfinished.replace(file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OperatorError(f"{file}: {error.strerror}", "name a file in a directory that you can write to") from None


def _refuse_taken(file: Path, *, force: bool) -> None:
    """Refuse to overwrite a file: a lost key locks its device out."""
    if file.exists() and not force:
        raise OperatorError(f"{file} is there already", "choose another name, or --force to lose what it holds")


def _keep_private(fd: int) -> None:
    """Make the file behind stdout readable by its owner alone, before a key is in it."""
    try:
        status = os.fstat(fd)
    except OSError:
        return
    if stat.S_ISREG(status.st_mode) and status.st_mode & OTHERS:
        os.fchmod(fd, KEPT_PRIVATE)


def add_to(app: typer.Typer) -> None:
    app.command("keygen", short_help="make keys and passwords for thousands of clients", epilog="\n\n".join(EXAMPLES))(
        keygen
    )
