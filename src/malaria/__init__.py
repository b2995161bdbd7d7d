"""malaria: what an MQTT broker carries, what happens past that, and whether it comes back.

From Python: `malaria.attack("mqtt://broker", clients=50, rate=4, duration="30s")`; docs/python.md tells more.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PLACES = {
    "attack": "python_attack", "attack_async": "python_attack",
    "campaign": "python_campaign", "capacity": "python_campaign",
    "compare": "python_compare",
    "ComparisonResult": "comparison_results", "SideBySideResult": "comparison_results",
    "AttackResult": "results", "CampaignResult": "results", "load": "results",
}  # fmt: skip
"""Name -> its module in `malaria.api`. Each is imported when it is first used: the workers need none of them."""
__all__ = ["__version__", *_PLACES]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"malaria.api.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
