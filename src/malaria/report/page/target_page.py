"""The target's side as sections of a page: the table, `$SYS`, perf."""

from __future__ import annotations

from typing import Final

from malaria.records.perf_profile import Profile
from malaria.records.run import Run
from malaria.report import perf_text, target_text
from malaria.report.figure_text import Summary, count
from malaria.report.page.blocks import defined
from malaria.report.page.flame import flame_graph, widest
from malaria.report.page.markup import folded, table, text

ROWS_SHOWN: Final = 15
"""Of perf's table; the others are folded away."""


def seen(records: Run, summary: Summary) -> str:
    """The table: one row that says what the level came to. Below it what was not seen, and why."""
    outcome = text(summary["verdict"]["outcome"])
    facts = target_text.table_of(records, summary)
    head = ["verdict", *(defined(fact.name, fact.label) for fact in facts)]
    row = [f'<b class="{outcome}">{outcome}</b>', *(text(fact.value) for fact in facts)]
    return table(head, [row], kind="seen") + _besides(records, summary) + _blind(records)


def _besides(records: Run, summary: Summary) -> str:
    """What a pass had to hold, and whether queues grew."""
    stated, queues = target_text.conditions(records), target_text.queue_lines(summary)
    lines = [f"A pass had to hold: {stated}."] if stated else []
    lines += [f"In steady time {'; '.join(queues)}."] if queues else []
    return "".join(f'<p class="soft small">{text(line)}</p>' for line in lines)


def _blind(records: Run) -> str:
    words = target_text.blind_spots(records)
    if not words and not records.observations:
        words = ["Nobody watched the target: see --observe."]
    items = "".join(f"<li>{text(line)}</li>" for line in words)
    return f'<ul class="reasons small">{items}</ul>' if items else ""


def sys_block(records: Run, summary: Summary) -> str:
    """Empty when the broker has no `$SYS`."""
    first, rest = target_text.sys_lines(summary)
    if not first and not rest:
        return ""
    counted = target_text.own_count(records, summary)
    shown = _pre(first or rest) + (f'<p class="soft small">{text(counted)}</p>' if counted else "")
    more = folded(f"{count(len(rest))} more topics", _pre(rest)) if first and rest else ""
    head = f'<p class="soft small">At the end of the measured time, as {defined("sys", "the broker says")}:</p>'
    return head + shown + more


def _pre(lines: list[str]) -> str:
    return f"<pre><code>{text(chr(10).join(lines))}</code></pre>"


def perf(records: Run) -> str:
    """Empty when nobody asked for it."""
    profile = records.profile
    if profile is None:
        why = perf_text.why_none(records)
        return f"<p>There is no recording: {text(why)}.</p>" if why else ""
    return f"<p>{text(perf_text.caption(profile))}</p>{_graph(profile)}{_table(profile)}"


def _graph(profile: Profile) -> str:
    names = ", ".join(widest(profile.stacks))
    graph = flame_graph(profile.stacks, f"Flame graph of the broker's process; most time ended in {names}")
    legend = (
        '<p class="soft small"><span class="key program"></span> the program '
        '<span class="key kernel"></span> the kernel. Width is share of the samples; a frame stands on its caller.</p>'
    )
    return graph + legend if graph else ""


def _table(profile: Profile) -> str:
    """Words of symbols are from outside."""

    def rows(most: int | None) -> str:
        cells = [[text(cell) for cell in line] for line in perf_text.lines(profile, most)]
        return table(perf_text.HEAD, cells, words=(2, 3, 4), kind="perf")

    whole = folded(f"all {count(len(profile.rows))} rows", rows(None)) if len(profile.rows) > ROWS_SHOWN else ""
    return rows(ROWS_SHOWN) + whole
