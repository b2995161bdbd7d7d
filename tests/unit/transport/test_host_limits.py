"""What this host cannot carry is refused with a remedy that can be followed."""

from __future__ import annotations

import resource

import pytest

from malaria.errors import HostLimitError
from malaria.transport.host_limits import check_limits, check_memory

HERE = [(2, ("127.0.0.1", 1883))]


@pytest.mark.parametrize(
    ("clients", "remedy"),
    [
        (10_000, "add --workers 11, or raise the limit: ulimit -Hn 5064"),
        (5_000_000, "raise the limit: ulimit -Hn 2500064"),  # 5,209 workers would do, and there are at most 1,024
    ],
)
def test_the_remedy_for_open_files_can_be_followed(clients: int, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    with pytest.raises(HostLimitError, match="open files each; the limit is 1,024") as caught:
        check_limits(clients, 2, HERE, ())
    assert caught.value.remedy.startswith(remedy)


def test_windows_that_take_much_memory_are_named_and_those_that_do_not_fit_refused() -> None:
    windows = {"publishers": 500 * 65_534}
    note = "the in-flight windows of publishers take 688 MB of memory"
    assert check_memory(windows, 1 << 30) == note
    assert check_memory({"publishers": 500 * 20}, 1 << 30) == ""
    with pytest.raises(HostLimitError, match=f"{note}; 537 MB is free") as caught:
        check_memory(windows, 1 << 29)
    assert caught.value.remedy == "lower -F/--inflight, or -c/--clients"
