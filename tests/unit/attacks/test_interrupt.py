"""Ctrl-C is counted; the second one is felt where nobody looks at the count."""

from __future__ import annotations

import signal

import pytest

from malaria.attacks.interrupt import Interrupt, impatient, interruptible, settled, unstarted


@pytest.mark.parametrize("patience", [True, False])
def test_signals_are_counted_and_the_second_one_raises_where_nobody_looks(patience: bool) -> None:
    before = signal.getsignal(signal.SIGINT)  # ignored, where a shell started the tests in the background
    with interruptible() as interrupt:
        interrupt.raises_from = None if patience else 2
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
        assert interrupt.raises_from == 2
    assert interrupt.raises_from is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_before_the_load_the_first_signal_ends_it(number: signal.Signals) -> None:
    with interruptible() as interrupt:
        with pytest.raises(KeyboardInterrupt), unstarted(interrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)  # counted again
        assert interrupt.count == 2


def test_a_signal_from_before_the_block_ends_it() -> None:
    with pytest.raises(KeyboardInterrupt), unstarted(Interrupt(1)):
        pytest.fail("the block has begun")


def test_once_the_load_is_over_the_next_signal_ends_what_is_left() -> None:
    with interruptible() as interrupt:
        signal.raise_signal(signal.SIGINT)  # during the load
        with pytest.raises(KeyboardInterrupt), settled(interrupt):
            signal.raise_signal(signal.SIGINT)
        assert (interrupt.count, interrupt.raises_from) == (2, None)
