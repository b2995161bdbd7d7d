"""The report of an attack as Markdown, to paste into a wiki."""

from __future__ import annotations

from malaria.analysis.headline import headline
from malaria.analysis.summary_figures import Summary
from malaria.records.run import Run
from malaria.report.environment_text import HOST_HEAD, environment, host_rows
from malaria.report.figure_text import length
from malaria.report.headings import Heading
from malaria.report.markdown.markdown_sections import sections, steered_lines, titled
from malaria.report.markdown.markdown_text import code, joined, plain, table


def render_run_markdown(run: Run, summary: Summary) -> str:
    """Return the report of an attack as Markdown. Raises RunError for a damaged run."""
    return joined(_attack(run, summary))


def _attack(run: Run, summary: Summary) -> list[str]:
    meta = run.meta
    answer = headline(summary)
    lines = [
        f"# {plain('attack' if meta.title is None else meta.title)}",
        "",
        f"{plain(meta.target or '')} · {plain(meta.load or '')} · measured {length(summary)}",
        "",
        f"**{answer.outcome}** {plain(answer.what)}",
        # an empty line between them: Markdown would join them to one paragraph
        *(f"\n{plain(line)}" for line in (answer.remedy, *answer.further) if line),
        "",
        code(meta.command or "unknown", "sh"),
        "",
        *steered_lines(run),
    ]
    end = {
        Heading.ENVIRONMENT: table(
            ["", ""], [[plain(n), plain(fact)] for n, fact in environment(run, summary)], words=2
        ),
        Heading.HOSTS: _hosts(run),
        Heading.WARHEAD: [code((meta.warhead_toml or "").rstrip(), "toml")],
    }
    return lines + titled(sections(run, summary) | end, "##")


def _hosts(run: Run) -> list[str]:
    rows = [[plain(cell) for cell in row] for row in host_rows(run)]
    return table(HOST_HEAD, rows, words=len(HOST_HEAD)) if rows else []
