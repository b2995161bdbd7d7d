"""An HTTP server on loopback that keeps what is posted to it, or misbehaves as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass
class Receiver:
    """`posts` has path, headers and body of each. `hangs`: nobody is answered until `leave` is set."""

    status: int = 200
    answer: bytes = b""
    location: str = ""
    hangs: bool = False
    url: str = ""
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    came: Event = field(default_factory=Event)
    answered: Event = field(default_factory=Event)
    leave: Event = field(default_factory=Event)


@contextmanager
def receiving(receiver: Receiver) -> Iterator[Receiver]:
    """Serve on a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.posts.append((self.path, dict(self.headers), body))
            receiver.came.set()
            if receiver.hangs:
                receiver.leave.wait(30)
                return
            self.send_response(receiver.status)
            if receiver.location:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)
            receiver.answered.set()

        def log_message(self, *args: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        receiver.leave.set()
        server.shutdown()
        server.server_close()
