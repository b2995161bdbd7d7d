"""CPU of one worker per QoS 1 message: 1,000 clients, 500 bytes, one message per send, each after its acknowledgement.

Reference: a C epoll loop doing the same into the same C sink, in turn. Aim: 1.5 times its CPU at most. Beside it the
same load in MQTT 5, set against MQTT 3.1.1 of the same rounds.
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
    ours, theirs, sends, fives = [], [], [], []
    load = {"clients": CLIENTS, "size": SIZE, "interval": 0, "inflight": 1}
    for _ in range(ROUNDS):
        with Sink() as sink:
            theirs.append(cpu_us_per_message(floor("load", sink.port, clients=CLIENTS, size=SIZE, seconds=4)))
            cost = attack(sink.port, load, duration="5s")
            ours.append(cost.cpu_us_per_message)
            sends.append(cost.per_s)
            fives.append(attack(sink.port, load, duration="5s", protocol="5").cpu_us_per_message)
    of_5 = middle(fives) / middle(ours)
    ratio = middle(ours) / middle(theirs)
    show(
        f"CPU per QoS 1 message, {CLIENTS:,} clients, one message per send, {SIZE} bytes",
        [
            Figure(
                "user + system", f"{middle(ours):.2f} us", f"{middle(theirs):.2f} us", ratio, f"<= {AIM}", ratio <= AIM
            ),
            Figure("messages per second", f"{middle(sends):,.0f}"),
            Figure("in MQTT 5, to 3.1.1", f"{middle(fives):.2f} us", f"{middle(ours):.2f} us", of_5),
        ],
        f"rounds: ours {spread(ours)}, C {spread(theirs)}, MQTT 5 {spread(fives)}",
    )


if __name__ == "__main__":
    main()
