"""Attacks on a run by whoever has the account of a bee: its certificate and key, and the port of the conductor."""

from __future__ import annotations

import asyncio
import os
import pickle
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, Security

from malaria.control.messages import Finished
from malaria.swarm.run.bee_messages import CallAnswer, ReportBatch, SpooledReport
from malaria.swarm.run.bee_schema import encode_message
from malaria.swarm.run.bee_server import BeeServer
from malaria.swarm.run.certificates import CONDUCTOR, RunCertificates, issue
from malaria.swarm.run.frames import frame, read_frame
from malaria.swarm.run.run_tls import SERVER_NAME, bee_context, conductor_context


@dataclass
class Conductor:
    """A conductor that waits for two bees."""

    papers: dict[str, RunCertificates]
    port: int = 0
    batches: list[ReportBatch] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)


@asynccontextmanager
async def conducting() -> AsyncIterator[Conductor]:
    conductor = Conductor(issue(["bee-1", "bee-2"]))
    server = BeeServer("run", conductor.batches.append, lambda *end: conductor.ended.append(end))
    conductor.port = await server.open(0, conductor.papers[CONDUCTOR], ["bee-1", "bee-2"])
    try:
        yield conductor
    finally:
        await server.close()


type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def call(port: int, context: ssl.SSLContext) -> Streams:
    return await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=SERVER_NAME)


async def is_let_in(port: int, context: ssl.SSLContext) -> bool:
    """Return whether the conductor sends anything to the caller."""
    with suppress(OSError, EOFError):
        async with asyncio.timeout(5):
            reader, writer = await call(port, context)
            data = await read_frame(reader)
            writer.transport.abort()
            return bool(data)
    return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


class Bomb:
    """Makes a directory in the process that unpickles it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def test_the_bomb_of_these_tests_goes_off(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "mark")))
    assert (tmp_path / "mark").exists()


def test_only_a_certificate_of_this_run_lets_in_and_only_once() -> None:
    async def play() -> list[bool]:
        async with conducting() as conductor:
            nobody = ssl.create_default_context()
            nobody.check_hostname, nobody.verify_mode = False, ssl.CERT_NONE
            own = bee_context(conductor.papers["bee-1"])
            reader, _ = await call(conductor.port, own)
            first = bool(await read_frame(reader))
            others = [own, bee_context(issue(["bee-2"])["bee-2"]), nobody]
            return [first, *[await is_let_in(conductor.port, context) for context in others]]

    assert asyncio.run(play()) == [True, False, False, False]


@pytest.mark.parametrize("before", [b"", b'{"batch":'], ids=["alone", "behind a beginning"])
def test_a_pickle_in_place_of_a_report_is_not_run(before: bytes, tmp_path: Path) -> None:
    async def play() -> list[tuple[str, str]]:
        async with conducting() as conductor:
            reader, writer = await call(conductor.port, bee_context(conductor.papers["bee-1"]))
            await read_frame(reader)
            writer.write(frame(before + pickle.dumps(Bomb(tmp_path / "mark"))))
            await until(lambda: bool(conductor.ended))
            return conductor.ended

    ((bee, reason),) = asyncio.run(play())
    assert not (tmp_path / "mark").exists()
    assert bee == "bee-1"
    assert reason.startswith("was disconnected: it sent what no bee sends")


def test_a_bee_speaks_for_itself_alone() -> None:
    async def play() -> tuple[list[ReportBatch], list[tuple[str, str]]]:
        async with conducting() as conductor:
            reader, writer = await call(conductor.port, bee_context(conductor.papers["bee-1"]))
            await read_frame(reader)
            writer.write(frame(encode_message(CallAnswer(7))))  # to a call that nobody made
            for bee in ("bee-1", "bee-2"):
                batch = ReportBatch(bee, (SpooledReport(0, f"{bee}/1", Finished()),))
                writer.write(frame(encode_message(batch)))
            await until(lambda: bool(conductor.ended))
            return conductor.batches, conductor.ended

    batches, ended = asyncio.run(play())
    assert batches == [ReportBatch("bee-1", (SpooledReport(0, "bee-1/1", Finished()),))]
    assert ended == [("bee-1", "was disconnected: it sent what no bee sends (it speaks for bee-2/1)")]


def test_a_client_of_dask_runs_nothing_on_the_conductor(tmp_path: Path) -> None:
    """Dask's scheduler runs any function that a member of its cluster sends. There is no scheduler here."""

    async def play() -> bool:
        async with conducting() as conductor:
            paths = {name: tmp_path / name for name in ("authority", "certificate", "key")}
            for name, path in paths.items():
                path.write_text(getattr(conductor.papers["bee-1"], name))
            security = Security(
                tls_ca_file=str(paths["authority"]),
                tls_client_cert=str(paths["certificate"]),
                tls_client_key=str(paths["key"]),
                require_encryption=True,
            )
            address = f"tls://127.0.0.1:{conductor.port}"
            try:
                client = await Client(address, security=security, asynchronous=True, timeout=3, set_as_default=False)
            except (OSError, MemoryError):  # it takes our frame for one of its own
                return False
            await client.run_on_scheduler(os.mkdir, str(tmp_path / "mark"))
            return True

    assert asyncio.run(play()) is False
    assert not (tmp_path / "mark").exists()


def test_a_bee_cannot_take_the_place_of_the_conductor() -> None:
    papers = issue(["bee-1", "bee-2"])

    async def play() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=conductor_context(papers["bee-1"]))
        async with server:
            await call(server.sockets[0].getsockname()[1], bee_context(papers["bee-2"]))

    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(play())


def test_only_a_bee_unpickles_and_only_what_its_conductor_sends() -> None:
    source = Path(__file__).parents[2] / "src/malaria"
    users = [str(path.relative_to(source)) for path in source.rglob("*.py") if "pickle.load" in path.read_text()]
    assert users == ["swarm/run/conductor_channel.py"]
