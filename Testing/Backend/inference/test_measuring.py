"""What follows the network, where a hardly trained one finds hundreds of specks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from atlastumor.errors import Cancelled
from atlastumor.inference import judging, probability
from atlastumor.inference.measuring import Measured, clean_and_measure
from atlastumor.inference.probability import ProbabilityMap
from atlastumor.inference.request import make_request
from atlastumor.inference.streaming import RawResult
from atlastumor.models.specs import PostprocessSpec
from atlastumor.organs import find_organ
from atlastumor.progress import CancelToken, Watch
from atlastumor.volume import Grid

from .pretend import make_card

LIVER, KIDNEY = find_organ("liver"), find_organ("kidney")
GRID = Grid((72, 72, 24), np.diag([1.0, 1.0, 2.0, 1.0]))
SPECKS = (slice(4, 68, 4), slice(4, 68, 4), slice(4, 20, 4))
N_SPECKS = 16 * 16 * 4


def some_specks(values: Sequence[float] = (0.5, 0.9)) -> RawResult:
    """A liver in which every fourth voxel along each axis is a tumor."""
    array = np.full(GRID.shape, 0.1, np.float16)
    array[SPECKS] = np.resize(values, array[SPECKS].shape)
    labels = np.full(GRID.shape, LIVER.label, np.uint8)
    labels[SPECKS] = LIVER.tumor_label
    return RawResult(labels, {"liver": ProbabilityMap(array, GRID)}, {"liver": 0.9}, 0.0, 1, 0, {})


def measure(raw: RawResult, watch: Watch, *, least_ml: float = 0.0) -> Measured:
    card = make_card(postprocess=PostprocessSpec(least_ml, outline=0.3, organ_margin_mm=5.0))
    request = make_request(card, organs=["liver"], thresholds={"liver": 0.6})
    return clean_and_measure(raw, GRID, card, request, watch=watch)


def counting(function: Callable[..., object], calls: list[str]) -> Callable[..., object]:
    def counted(*args: object) -> object:
        calls.append("")
        return function(*args)

    return counted


def test_of_hundreds_of_specks_each_is_measured() -> None:
    found = measure(some_specks(), Watch())

    assert len(found.lesions) == N_SPECKS // 2
    assert {lesion.score for lesion in found.lesions} == {float(np.float16(0.9))}
    assert [lesion.index for lesion in found.lesions] == list(range(1, N_SPECKS // 2 + 1))


def test_a_speck_is_compared_with_those_beside_it_and_not_with_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(probability, "find_overlap", counting(probability.find_overlap, calls))
    monkeypatch.setattr(judging, "_holds", counting(judging._holds, calls))

    measure(some_specks(), Watch())

    assert 0 < len(calls) < 20 * N_SPECKS


def test_progress_moves_from_speck_to_speck() -> None:
    told: list[float] = []

    measure(some_specks(), Watch(lambda fraction, _stage: told.append(fraction)))

    assert told == sorted(told)
    for start, end in ((0.25, 0.4), (0.41, 0.45), (0.45, 0.5), (0.5, 1.0)):
        assert sum(start < fraction < end for fraction in told) > 40


# With a least volume all are dropped as small; else they are judged, then the rest is measured.
@pytest.mark.parametrize(
    ("at", "least_ml"), [(0.0, 0.0), (0.15, 1.0), (0.3, 0.0), (0.45, 0.0), (0.48, 0.0), (0.6, 0.0)]
)
def test_it_stops_wherever_it_is_asked_to(at: float, least_ml: float) -> None:
    cancel, told = CancelToken(), []

    def stop(fraction: float, _stage: str) -> None:
        told.append(fraction)
        if fraction >= at:
            cancel.cancel()

    with pytest.raises(Cancelled):
        measure(some_specks(), Watch(stop, cancel=cancel), least_ml=least_ml)

    assert sum(fraction >= at for fraction in told) == 1


def test_a_tumor_in_the_hole_of_another_belongs_to_it_among_hundreds() -> None:
    raw = some_specks()
    ring = (slice(20, 29), slice(20, 29), slice(6, 15))
    inside = (slice(21, 28), slice(21, 28), slice(7, 14))
    raw.labels[ring] = LIVER.tumor_label
    raw.labels[inside] = LIVER.label
    raw.labels[24, 24, 10] = LIVER.tumor_label
    raw.probabilities["liver"].array[ring] = 0.8

    found = measure(raw, Watch())

    largest = found.lesions[0]
    assert largest.box == ((20, 29), (20, 29), (6, 15))
    assert (found.labels.array[ring] == LIVER.tumor_label).all()
