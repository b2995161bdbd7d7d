"""The headings of the report, the same on the page and in Markdown."""

from __future__ import annotations

from enum import StrEnum


class Heading(StrEnum):
    """The heading of one section."""

    # of a campaign
    CONCLUSIONS = "Conclusions"
    LOOP = "The way up and the way back"
    THRESHOLDS = "Thresholds"
    LEVELS = "Levels"
    REPEATS = "Repeated runs"
    MADE = "How the load was made"
    BROKER = "The broker"
    MISSING = "What is missing"
    # of one attack
    COMMAND = "The command to repeat it"
    SIDE_BY_SIDE = "Side by side"
    TARGET = "Broker and host"
    SURGES = "Surges"
    OVER_TIME = "Over time"
    CLIENTS = "Clients"
    BEES = "Bees"
    LATENCY = "Latency"
    LEDGER = "The ledger"
    SYS = "$SYS"
    PERF = "perf"
    NOTE = "Note"
    RAW_DATA = "Raw data"
    WARHEAD = "Warhead"
    # at the end
    ENVIRONMENT = "Environment"
    HOSTS = "Hosts"
    OBSERVERS = "Observers"
    DEFINITIONS = "How each figure is defined"

    @property
    def anchor(self) -> str:
        """The id of the section on a page that has it once."""
        return f"section-{self.name.lower().replace('_', '-')}"
