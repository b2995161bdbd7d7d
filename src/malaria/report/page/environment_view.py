"""The end of a page: hosts, versions and settings of a run, and how its observers fared."""

from __future__ import annotations

from dataclasses import dataclass

from malaria.analysis.summary_figures import Summary
from malaria.records.run import Run
from malaria.report.environment_text import HOST_HEAD, OBSERVER_HEAD, environment, host_rows, observer_rows
from malaria.report.page.page_elements import PageTable, named_values, page_table


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """Hosts, versions and settings; `hosts` is None where one host made the load, `observers` if nothing observed."""

    facts: PageTable
    hosts: PageTable | None
    observers: PageTable | None


def environment_view(run: Run, summary: Summary) -> EnvironmentView:
    rows = observer_rows(run)
    observers = page_table(OBSERVER_HEAD, rows, words=(1, 6)) if rows else None
    found = host_rows(run)
    hosts = page_table(HOST_HEAD, found, words=range(1, len(HOST_HEAD))) if found else None
    return EnvironmentView(named_values(environment(run, summary)), hosts, observers)
