"""Hold the brokers of the levels: most campaigns have one for all, a comparison may have two. One runs at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from malaria.broker import CleanStart
from malaria.campaigns.campaign_broker import CampaignBroker
from malaria.model.broker import BrokerTable


class LevelBrokers:
    """One broker for each table that differs. The end of the block stops those that were started."""

    def __init__(self, tables: Iterable[BrokerTable], make: Callable[[BrokerTable], CampaignBroker]) -> None:
        self._brokers: list[tuple[BrokerTable, CampaignBroker]] = []
        self._stack = ExitStack()
        for table in tables:
            if all(table != known for known, _ in self._brokers):
                self._brokers.append((table, make(table)))

    def __enter__(self) -> Self:
        for _, broker in self._brokers:
            self._stack.enter_context(broker)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def check(self) -> None:
        """Raise OperatorError if one of them can never be started."""
        for _, broker in self._brokers:
            broker.check()

    def of(self, table: BrokerTable) -> CampaignBroker:
        """Return the broker of a table."""
        return next(broker for known, broker in self._brokers if known == table)

    def begin(self, table: BrokerTable, title: str) -> CleanStart:
        """Stop the other brokers, and make this one ready for a level. Raises OperatorError."""
        broker = self.of(table)
        for _, other in self._brokers:
            # one that stands idle would still take memory and CPU from the one that is measured
            if other is not broker:
                other.pause()
        return broker.begin_level(title)
