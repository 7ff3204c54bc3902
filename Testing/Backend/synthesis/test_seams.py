"""No tumor has a seam, every seed repeats; a pasted one is told by the same measure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from atlastumor.organs import KEYS, find_organ
from atlastumor.synthesis.request import TumorRequest
from atlastumor.synthesis.synthesize import synthesize
from atlastumor.volume import Scan
from Backend.synthesis.contract import find_tumor
from Backend.synthesis.made_case import Case, make_case
from Backend.synthesis.seams import measure_seam

METHODS = [("handcrafted", "ellipsoid"), ("cellular", "automaton")]


@pytest.fixture(scope="module")
def fine_case() -> Case:
    """Voxels fine enough for a border to show its form, and little noise to hide in."""
    return make_case((1.2, 1.2, 3.0))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("method", "shape"), METHODS)
def test_no_border_is_sharper_than_what_is_inside_the_organ(
    fine_case: Case, key: str, method: str, shape: str
) -> None:
    result = synthesize(
        fine_case.scan, fine_case.labels, TumorRequest(key, 16.0, 4, method=method, shape=shape)
    )

    assert measure_seam(fine_case.scan, fine_case.labels, result).is_hidden


@pytest.mark.parametrize("contrast_hu", [-60.0, 60.0])
def test_a_pasted_disc_has_a_seam(fine_case: Case, contrast_hu: float) -> None:
    result = synthesize(fine_case.scan, fine_case.labels, TumorRequest("pancreas", 16.0, 4))
    tumor = find_tumor(result, fine_case.labels)
    array = fine_case.scan.array.copy()
    array[tumor] = np.median(array[fine_case.labels.array == find_organ("pancreas").label])
    array[tumor] += np.int16(contrast_hu)

    seam = measure_seam(
        fine_case.scan,
        fine_case.labels,
        replace(result, scan=Scan(array, fine_case.scan.grid)),
    )

    assert seam.edge == pytest.approx(1.0, abs=0.05)
    assert not seam.is_hidden


@pytest.mark.parametrize(("method", "shape"), METHODS)
def test_the_same_seed_gives_the_same_bytes(a_case: Case, method: str, shape: str) -> None:
    request = TumorRequest("kidney", 14.0, 9, method=method, shape=shape)

    first, second = (synthesize(a_case.scan, a_case.labels, request) for _ in range(2))

    assert first.scan.array.tobytes() == second.scan.array.tobytes()
    assert first.labels.array.tobytes() == second.labels.array.tobytes()
