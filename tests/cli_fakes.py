"""Stand-ins for what the commands call, so that their tests need no broker and no engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import malaria.campaigns
import malaria.outputs.rewriting  # noqa: F401  imported before anything is replaced: what it imports stays real
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import Summary, Verdict
from malaria.campaigns import PartPlace
from malaria.errors import OperatorError
from malaria.records.campaign_records import CampaignPart
from malaria.records.rows import Event, EventKind
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta

RECORDS = Run(RunMeta.model_validate({"title": "fake"}), (), (Event(1, EventKind.PHASE, "measure"),), None)
COLUMNS = {"t_s": [0, 1], "acked_per_s": [100.0, None]}


@dataclass
class Calls:
    """What was called, in order, and what the fakes answer."""

    outcome: str = "PASS"
    raises: BaseException | None = None
    requests: list[Any] = field(default_factory=list)
    views: list[tuple[Any, ...]] = field(default_factory=list)
    printed: list[Summary] = field(default_factory=list)
    written: list[tuple[Any, ...]] = field(default_factory=list)  # arguments of the one place that writes reports
    examined: list[tuple[Any, ...]] = field(default_factory=list)
    findings: list[Any] = field(default_factory=list)
    entries: list[Any] = field(default_factory=list)
    campaigns: list[Any] = field(default_factory=list)
    levels: int = 3
    interrupted: bool = False

    @property
    def summary(self) -> Summary:
        return Summary(target="mqtt://x:1883", verdict=Verdict(Outcome(self.outcome)), headline="as the figures say")

    # --- what stands in for the product ----------------------------------------------------------------------------

    def conduct(self, request: Any, on_progress: object, interrupt: object) -> Any:
        self._begin(request)
        return SimpleNamespace(directory=request.directory, run=RECORDS, summary=self.summary)

    def conduct_campaign(self, request: Any, listener: Any, interrupt: object) -> Any:
        self._begin(request)
        for number in range(1, self.levels + 1):
            part = CampaignPart(number, f"level {number}", "", 100, clean_reason="started for this level")
            listener.begin(part, PartPlace(number, self.levels, 2460.0), "its load")
            listener.tell(f"level {number}: {self.outcome}")
        return SimpleNamespace(directory=request.directory, interrupted=self.interrupted, summary=self.summary, runs={})

    def _begin(self, request: Any) -> None:
        self.requests.append(request)
        if self.raises is not None:
            raise self.raises
        request.directory.mkdir(parents=True, exist_ok=True)

    def examine(self, *arguments: Any) -> list[Any]:
        self.examined.append(arguments)
        return self.findings

    def write_attack_files(self, *arguments: Any) -> None:
        self.written.append(arguments)

    def rewrite_attack(self, directory: Path, into: Path) -> tuple[Any, dict[str, Any]]:
        self.written.append((self.open_run(directory), self.summary, into))
        return RECORDS, self.summary

    def rewrite_campaign(self, campaign: Any, directories: Any, into: Path, _: object) -> dict[str, Any]:
        self.written.append((campaign, directories, into))
        return self.summary

    def open_run(self, directory: Path) -> Run:
        if not (directory / "run.db").exists():
            raise OperatorError(f"{directory} holds no run", "name another")
        return RECORDS


class View:
    def __init__(self, calls: Calls, *arguments: Any) -> None:
        calls.views.append(arguments)

    def __enter__(self) -> View:
        return self

    def __exit__(self, *_: object) -> None: ...

    def update(self, progress: object) -> None: ...


def install(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Put the stand-ins in place of what a command imports when it runs."""
    calls = Calls()
    stand_ins: dict[str, Any] = {
        "attacks.runner.conduct": calls.conduct,
        "campaigns.conduct_campaign": calls.conduct_campaign,
        "campaigns.demo_request": lambda directory, _: SimpleNamespace(
            directory=directory, launcher=None, campaign=SimpleNamespace(levels=())
        ),
        "doctor.examine": calls.examine,
        "records.store.open_run": calls.open_run,
        "records.store.list_runs": lambda _: calls.entries,
        "records.campaign_store.list_campaigns": lambda _: calls.campaigns,
        "outputs.export_formats.summarize": lambda _: calls.summary,
        "outputs.export_formats.columns": lambda _: COLUMNS,
        "report.terminal.live_view.LiveView": lambda *arguments: View(calls, *arguments),
        "report.terminal.run_summary.print_summary": lambda _, summary, __: calls.printed.append(summary),
        "report.terminal.campaign_summary.print_campaign": lambda summary, _: calls.printed.append(summary),
        "outputs.files.write_attack_files": calls.write_attack_files,
        "outputs.rewriting.rewrite_attack": calls.rewrite_attack,
        "outputs.rewriting.rewrite_campaign": calls.rewrite_campaign,
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(f"malaria.{name}", stand_in)
    return calls
