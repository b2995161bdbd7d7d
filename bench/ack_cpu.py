"""CPU of one worker per QoS 1 message: 1,000 clients, 500 bytes, one message per send, each after its acknowledgement.

Reference: a C epoll loop doing the same into the same C sink, in turn. Aim: 1.5 times its CPU at most.
"""

from __future__ import annotations

from typing import Final

from bench.attack import attack
from bench.floor import Sink, cpu_us_per_message, floor
from bench.show import Figure, middle, show, spread

CLIENTS: Final = 1000
SIZE: Final = 500
ROUNDS: Final = 3
AIM: Final = 1.5


def main() -> None:
    ours, theirs, sends = [], [], []
    with Sink() as sink:
        for _ in range(ROUNDS):
            theirs.append(cpu_us_per_message(floor("load", sink.port, clients=CLIENTS, size=SIZE, seconds=4)))
            cost = attack(sink.port, {"clients": CLIENTS, "size": SIZE, "interval": 0, "inflight": 1}, duration="5s")
            ours.append(cost.cpu_us_per_message)
            sends.append(cost.per_s)
    ratio = middle(ours) / middle(theirs)
    show(
        f"CPU per QoS 1 message, {CLIENTS:,} clients, one message per send, {SIZE} bytes",
        [
            Figure(
                "user + system", f"{middle(ours):.2f} us", f"{middle(theirs):.2f} us", ratio, f"<= {AIM}", ratio <= AIM
            ),
            Figure("messages per second", f"{middle(sends):,.0f}"),
        ],
        f"rounds: ours {spread(ours)}, C {spread(theirs)}",
    )


if __name__ == "__main__":
    main()
