from __future__ import annotations

import pytest

from atlastumor.errors import Cancelled
from atlastumor.progress import CancelToken, Watch


class Listener:
    def __init__(self) -> None:
        self.told: list[tuple[float, str]] = []

    def __call__(self, fraction: float, stage: str) -> None:
        self.told.append((fraction, stage))


def test_a_loop_gives_its_items_and_tells_how_many_are_done() -> None:
    listener = Listener()

    items = list(Watch(listener, "Counting").over("abcd"))

    assert items == ["a", "b", "c", "d"]
    assert listener.told == [
        (0.0, "Counting"),
        (0.25, "Counting"),
        (0.5, "Counting"),
        (0.75, "Counting"),
    ]


def test_a_long_loop_tells_it_a_hundred_times() -> None:
    listener = Listener()

    assert len(list(Watch(listener).over(range(20_000)))) == 20_000

    assert [fraction for fraction, _ in listener.told] == [n / 100 for n in range(100)]


def test_a_loop_within_a_loop_moves_through_its_share() -> None:
    listener = Listener()

    for _, part in Watch(listener).part(0.5, 1.0).shared("ab"):
        list(part.over("cd"))

    fractions = [fraction for fraction, _ in listener.told]
    assert fractions == [0.5, 0.5, 0.625, 0.75, 0.75, 0.875]


@pytest.mark.parametrize("loop", ["each", "over", "shared"])
def test_a_loop_stops_before_the_next_item(loop: str) -> None:
    cancel = CancelToken()
    items = getattr(Watch(cancel=cancel), loop)("abc")
    next(items)

    cancel.cancel()

    with pytest.raises(Cancelled):
        next(items)


def test_nothing_to_do_tells_nothing() -> None:
    listener = Listener()

    assert list(Watch(listener).over(())) == []
    assert listener.told == []
