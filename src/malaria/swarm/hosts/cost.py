"""What instances cost, as far as a table knows: said before they are made. The bill is Amazon's.

Promises: what the table does not know is said to be unknown, never to be cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

SOURCE: Final = "Amazon's list of On-Demand prices for Linux, https://aws.amazon.com/ec2/pricing/on-demand/"
DATE: Final = "June 2025"
REGIONS: Final = frozenset({"us-east-1", "us-east-2", "us-west-2"})
"""Where these prices hold."""
CENTS_PER_HOUR: Final[Mapping[str, str]] = {
    "t3.micro": "1.04",
    "t3.small": "2.08",
    "t3.medium": "4.16",
    "t3.large": "8.32",
    "t4g.micro": "0.84",
    "t4g.small": "1.68",
    "t4g.medium": "3.36",
    "c5.large": "8.5",
    "c5.xlarge": "17",
    "c5.2xlarge": "34",
    "c6i.large": "8.5",
    "c6i.xlarge": "17",
    "c6i.2xlarge": "34",
    "c6g.large": "6.8",
    "c6g.xlarge": "13.6",
    "c7g.large": "7.25",
    "c7g.xlarge": "14.5",
    "c7i.large": "8.925",
    "c7i.xlarge": "17.85",
    "m5.large": "9.6",
    "m5.xlarge": "19.2",
    "m6i.large": "9.6",
    "m6i.xlarge": "19.2",
    "m7g.large": "8.16",
    "m7i.large": "10.08",
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of so many instances for an hour. `dollars_per_hour` None: not known."""

    instances: int
    kind: str
    region: str
    dollars_per_hour: Decimal | None
    spot: bool

    def __str__(self) -> str:
        what = f"{self.instances} x {self.kind} in {self.region}"
        if self.dollars_per_hour is None:
            return f"{what}: price not known here; see {SOURCE.rpartition(' ')[2]}"
        price = f"{what}: ${self.dollars_per_hour:.2f} an hour, disks and traffic apart"
        if self.spot:
            price += "; spot instances cost less, by the hour's market"
        return f"{price} ({SOURCE}, {DATE})"


def estimate(instances: int, kind: str, region: str, *, spot: bool = False) -> Estimate:
    """What so many instances of a kind cost in an hour, without spot's discount."""
    cents = CENTS_PER_HOUR.get(kind) if region in REGIONS else None
    dollars = None if cents is None else Decimal(cents) * instances / 100
    return Estimate(instances, kind, region, dollars, spot)
