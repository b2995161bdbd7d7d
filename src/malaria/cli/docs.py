"""`malaria docs`: print the documentation pages and the example files that this malaria brings along.

They are read from the installed package, or from the clone that malaria runs from, so no network is needed.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Annotated, Final

import typer

import malaria
from malaria.cli.output import console, write_text
from malaria.errors import OperatorError

EXAMPLES: Final = (
    "malaria docs",
    "malaria docs warhead",
    "malaria docs examples/meters.toml > meters.toml",
    "malaria docs --copy .",
)
PAGES: Final = "docs"
COPIED: Final = ("examples", "campaigns", "warheads")
"""Folders of files to run or to start from."""
REMEDY: Final = "`malaria docs` lists them"
_CLAUSE_END: Final = re.compile(r"[.,:;](?:\s|$)|(?<=\?)")


def folder(name: str) -> Path:
    """Return a folder of pages or files: in the installed package, else in the clone."""
    package = Path(malaria.__path__[0])
    installed = package / "shipped" / name
    # a wheel brings the pages along; a clone has them in its root
    return installed if installed.is_dir() else package.parents[1] / name


def shipped_files() -> dict[str, Path]:
    """Return all pages and files by the names that `malaria docs` lists: `warhead`, `examples/meters.toml`."""
    pages = {path.stem: path for path in sorted(folder(PAGES).glob("*.md"))}
    files = {
        f"{name}/{path.relative_to(folder(name)).as_posix()}": path
        for name in COPIED
        for path in sorted(folder(name).rglob("*"))
        if path.is_file()
    }
    return pages | files


def docs(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A page or a file of the list.", show_default=False)
    ] = None,
    copy: Annotated[
        Path | None,
        typer.Option(
            "--copy",
            metavar="DIR",
            help="Copy the folders examples, campaigns and warheads into this directory.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Print a page of the documentation, or an example file; without NAME, list them.

    A page is laid out for the terminal, and written as Markdown into a pipe or a file.
    """
    if name is not None and copy is not None:
        raise OperatorError("NAME cannot be used with --copy", "give one of them")
    if copy is not None:
        _copy(copy)
    elif name is None:
        _list()
    else:
        _show(_find(name))
    return 0


def _find(name: str) -> Path:
    """Return the page or file of a name of the list, or of its path in the repository. Raises OperatorError."""
    # other texts name pages by their path, docs/warhead.md
    found = shipped_files().get(re.sub(rf"^{PAGES}/|\.md$", "", name))
    if found is None:
        raise OperatorError(f"there is no page or file {name!r}", REMEDY)
    return found


def _list() -> None:
    files = shipped_files()
    width = max(map(len, files))
    write_text("".join(f"{name:<{width}}  {_title(path)}\n" for name, path in files.items()))


def _title(path: Path) -> str:
    """Return the heading of a page, or the beginning of a file's first comment or description."""
    text = path.read_text(encoding="utf-8")
    first = f"# {json.loads(text)['description']}" if path.suffix == ".json" else text.partition("\n")[0]
    return _CLAUSE_END.split(first.lstrip("# "))[0] if first.startswith("#") else ""


def _show(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    screen = console(None)
    # an example is copied by > FILE, so it is printed byte for byte
    if path.suffix != ".md" or not screen.is_terminal:
        write_text(text)
        return
    from rich.markdown import Markdown

    screen.print(Markdown(text, hyperlinks=False))


def _copy(directory: Path) -> None:
    """Copy the folders; nothing that is there is overwritten. Raises OperatorError."""
    targets = {name: directory / name for name in COPIED}
    # all are looked at before the first one is copied
    for target in targets.values():
        if target.exists():
            raise OperatorError(f"{target} exists", "name another directory: --copy DIR")
    for name, target in targets.items():
        shutil.copytree(folder(name), target)
        write_text(f"{target}\n")


def add_to(app: typer.Typer) -> None:
    app.command("docs", short_help="the documentation and the examples", epilog="\n\n".join(EXAMPLES))(docs)
