"""Stand-ins for what the commands call, so that their tests need no broker and no engine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from malaria.errors import OperatorError
from malaria.records.rows import CampaignPart, Event, EventKind, RunRecords

RECORDS = RunRecords({"title": "fake"}, (), (Event(1, EventKind.PHASE, "measure"),), None)
COLUMNS = {"t_s": [0, 1], "acked_per_s": [100.0, None]}


@dataclass
class Calls:
    """What was called, in order, and what the fakes answer."""

    outcome: str = "PASS"
    raises: BaseException | None = None
    requests: list[Any] = field(default_factory=list)
    views: list[tuple[Any, ...]] = field(default_factory=list)
    printed: list[dict[str, Any]] = field(default_factory=list)
    pages: list[tuple[Any, ...]] = field(default_factory=list)
    examined: list[tuple[Any, ...]] = field(default_factory=list)
    findings: list[Any] = field(default_factory=list)
    entries: list[Any] = field(default_factory=list)
    campaigns: list[Any] = field(default_factory=list)
    levels: int = 3

    @property
    def summary(self) -> dict[str, Any]:
        return {"verdict": {"outcome": self.outcome, "reasons": []}, "target": "mqtt://x:1883"}


@dataclass(frozen=True)
class Request:
    target: Any
    warhead: Any
    directory: Path
    workers: int
    command: str
    title: str
    observe: Any = None
    quarters: Any = None


class View:
    def __init__(self, calls: Calls, *arguments: Any) -> None:
        calls.views.append(arguments)

    def __enter__(self) -> View:
        return self

    def __exit__(self, *_: object) -> None: ...

    def update(self, progress: object) -> None: ...


def install(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Puts the stand-ins in place of every module that a command imports when it runs."""
    calls = Calls()
    for name, contents in (_modules(calls) | _campaign_modules(calls)).items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    return calls


def _modules(calls: Calls) -> dict[str, dict[str, Any]]:
    def conduct(request: Request, on_progress: object, interrupt: object) -> Any:
        calls.requests.append(request)
        if calls.raises is not None:
            raise calls.raises
        request.directory.mkdir(parents=True, exist_ok=True)
        return SimpleNamespace(directory=request.directory, records=RECORDS, summary=calls.summary)

    def examine(*arguments: Any) -> list[Any]:
        calls.examined.append(arguments)
        return calls.findings

    def write(*arguments: Any) -> None:
        calls.pages.append(arguments)
        arguments[-1].write_text("page")

    @contextmanager
    def interruptible() -> Iterator[Any]:
        yield SimpleNamespace(count=0)

    def open_run(directory: Path) -> RunRecords:
        if not (directory / "run.db").exists():
            raise OperatorError(f"{directory} holds no run", "name another")
        return RECORDS

    return {
        "malaria.attack.runner": {"AttackRequest": Request, "conduct": conduct, "interruptible": interruptible},
        "malaria.doctor": {"examine": examine},
        "malaria.records.store": {"open_run": open_run, "list_runs": lambda root: calls.entries},
        "malaria.analysis.summary": {"summarize": lambda records: calls.summary},
        "malaria.analysis.series": {"columns": lambda records: COLUMNS},
        "malaria.report.terminal.live_view": {"LiveView": lambda *arguments: View(calls, *arguments)},
        "malaria.report.terminal.run_summary": {
            "print_summary": lambda r, summary, c: calls.printed.append(summary),
            "print_levels": lambda summary, c: calls.printed.append(summary),
        },
        "malaria.report.page.run_page": {"write_page": write},
        "malaria.report.markdown.run_markdown": {"write_markdown": write},
    }


def _campaign_modules(calls: Calls) -> dict[str, dict[str, Any]]:
    def conduct_campaign(request: Any, audience: Any, interrupt: object) -> Any:
        calls.requests.append(request)
        if calls.raises is not None:
            raise calls.raises
        request.directory.mkdir(parents=True, exist_ok=True)
        for number in range(1, calls.levels + 1):
            part = CampaignPart(number, f"level {number}", "", 100, clean_reason="started for this level")
            audience.begin(part, number, calls.levels, "its load")
            audience.tell(f"level {number}: {calls.outcome}")
        return SimpleNamespace(directory=request.directory, summary=calls.summary | {"levels": []})

    def demo_request(directory: Path, workers: Any) -> Any:
        return SimpleNamespace(directory=directory, workers=workers, quarters=None)

    def write_campaign_reports(campaign: Any, runs: Any, directory: Path) -> dict[str, Any]:
        calls.pages.append((campaign, runs, directory))
        return calls.summary

    return {
        "malaria.campaign": {"demo_request": demo_request, "conduct_campaign": conduct_campaign},
        "malaria.campaign.pages": {"write_campaign_reports": write_campaign_reports},
        "malaria.records.campaign_store": {"list_campaigns": lambda root: calls.campaigns},
    }
