"""The list of the load options, docs/options.md: `python -m malaria.cli.options_page > docs/options.md` writes it."""

from __future__ import annotations

from typing import Final

from malaria.cli.output import write_text
from malaria.model.option_table import OPTIONS, LoadOption, Panel

HEADING: Final = """# Options of the load

Each option sets one key of a warhead; [warhead.md](warhead.md) explains the keys. An option wins over the file. The
value in parentheses is the default without a file. `malaria COMMAND --help` has the other options of a command.
"""


def options_page() -> str:
    """Make the text of docs/options.md."""
    return HEADING + "".join(_section(panel) for panel in Panel)


def _section(panel: Panel) -> str:
    rows = [_row(option) for option in OPTIONS.values() if option.panel is panel]
    head = ["| option | what it does | sets | commands |", "| --- | --- | --- | --- |"]
    return "\n".join(["", f"## {panel}", "", *head, *rows, ""])


def _row(option: LoadOption) -> str:
    names = " ".join(f"`{flag}`" for flag in option.flags)
    value = f" {option.metavar}" if option.metavar else ""
    # a | in a cell would begin the next one
    cells = (names + value, option.help, f"`{option.sets}`" if option.sets else "", ", ".join(sorted(option.commands)))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    write_text(options_page())
