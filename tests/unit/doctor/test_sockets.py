"""What /proc says about sockets and the processes that hold them."""

from __future__ import annotations

from pathlib import Path

from doctor_rig import TCP_HEAD, tcp_line
from malaria.doctor.sockets import listener_pid, open_files_limit, taken_ports


def test_what_the_kernel_says_about_sockets(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp").write_text(TCP_HEAD + tcp_line(1883, 0, 0x0A, 4711) + tcp_line(40000, 1883, 6, 0))
    descriptors = tmp_path / "99" / "fd"
    descriptors.mkdir(parents=True)
    (descriptors / "3").symlink_to("socket:[4711]")
    (tmp_path / "100").mkdir()
    (tmp_path / "99/limits").write_text(
        "Limit Soft Limit Hard Limit Units\nMax open files            1024     4096     files\n"
    )
    assert taken_ports(tmp_path, range(32768, 61000), {1883}) == 1
    assert listener_pid(tmp_path, 1883) == 99
    assert listener_pid(tmp_path, 1884) is None
    assert open_files_limit(tmp_path, 99) == 1024
    assert open_files_limit(tmp_path, 100) is None
