"""Ctrl-C is counted; the second one is felt where nobody looks at the count."""

from __future__ import annotations

import signal

import pytest

from malaria.attack.interrupt import Interrupt, impatient, interruptible


@pytest.mark.parametrize("patience", [True, False])
def test_signals_are_counted_and_the_second_one_raises_where_nobody_looks(patience: bool) -> None:
    before = signal.getsignal(signal.SIGINT)  # ignored, where a shell started the tests in the background
    with interruptible() as interrupt:
        interrupt.impatient = not patience
        signal.raise_signal(signal.SIGINT)
        assert interrupt.count == 1
        if patience:
            signal.raise_signal(signal.SIGTERM)
        else:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        assert interrupt.count == 2
    assert signal.getsignal(signal.SIGINT) is before


def test_impatience_ends_with_its_block() -> None:
    interrupt = Interrupt()
    with impatient(interrupt):
        assert interrupt.impatient
    assert not interrupt.impatient
