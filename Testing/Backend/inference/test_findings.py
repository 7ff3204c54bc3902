from __future__ import annotations

import math

import numpy as np
import pytest

from atlastumor.inference.findings import Finding, count_labels, describe_findings
from atlastumor.inference.request import Request
from atlastumor.lesions import measure_lesions
from atlastumor.organs import find_organ, label_names
from atlastumor.volume import Grid, LabelMap

LIVER = find_organ("liver")
GRID = Grid((30, 30, 20), np.diag([1.0, 2.0, 5.0, 1.0]))


def describe(
    array: np.ndarray,
    *,
    score: float = 0.12,
    threshold: float | None = 0.5,
    outlined: dict[str, bool] | None = None,
) -> Finding:
    labels = LabelMap(array, GRID, label_names())
    lesions = measure_lesions(labels, organs=[LIVER], score_of=lambda *_: 0.9).lesions
    (finding,) = describe_findings(
        labels,
        lesions,
        Request(
            (LIVER,), {"liver": True} if outlined is None else outlined, {"liver": threshold}, ()
        ),
        {"liver": score},
    )
    return finding


def a_liver() -> np.ndarray:
    array = np.zeros(GRID.shape, np.uint8)
    array[5:15, 5:15, 5:15] = 5
    return array


def test_a_healthy_organ() -> None:
    finding = describe(a_liver())

    assert finding.message == "No tumor above threshold 0.50 (highest score 0.12)."
    assert (finding.coverage, finding.n_lesions, finding.tumor_ml) == ("whole", 0, 0.0)
    assert finding.organ_ml == pytest.approx(10.0)


def test_a_healthy_organ_where_arg_max_decides() -> None:
    assert describe(a_liver(), threshold=None).message == "No tumor (highest score 0.12)."


def test_what_reached_the_threshold_and_was_dropped_is_said() -> None:
    message = describe(a_liver(), score=0.62).message

    assert message.startswith("No tumor left of what reached threshold 0.50 (highest score 0.62)")


def test_tumors_are_counted_and_belong_to_the_organs_volume() -> None:
    array = a_liver()
    array[6:8, 6:8, 6:8] = 27
    array[10:12, 10:12, 10:13] = 27

    finding = describe(array, score=0.97)

    assert finding.message == "2 tumors, 0.2 mL in all (highest score 0.97)."
    assert finding.organ_ml == pytest.approx(10.0)
    assert finding.tumor_ml == pytest.approx(0.2)


def test_one_tumor_is_singular() -> None:
    array = a_liver()
    array[6:10, 6:11, 6:11] = 27

    assert describe(array, score=0.97).message == "1 tumor, 1.0 mL (highest score 0.97)."


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("end", [0, -1])
def test_an_organ_at_the_border_is_partly_in_view(axis: int, end: int) -> None:
    array = a_liver()
    index: list[slice | int] = [slice(6, 8)] * 3
    index[axis] = end
    array[tuple(index)] = 5

    finding = describe(array)

    assert finding.coverage == "partial"
    assert finding.message.endswith("Only part of the organ is in view.")


def test_an_organ_out_of_view() -> None:
    finding = describe(np.zeros(GRID.shape, np.uint8))

    assert (finding.coverage, finding.message) == ("none", "Not in view.")
    assert math.isnan(finding.highest_score)
    assert finding.organ_ml == 0.0


def test_a_speck_is_no_organ_in_view() -> None:
    array = np.zeros(GRID.shape, np.uint8)
    array[6:9, 6:9, 6:11] = 5  # 45 voxels of 0.01 mL

    finding = describe(array)

    assert (finding.coverage, finding.organ_ml) == ("none", pytest.approx(0.45))
    assert finding.message == "Not in view (0.45 mL at most)."


def test_tumors_without_organ_are_reported() -> None:
    array = np.zeros(GRID.shape, np.uint8)
    array[6:10, 6:11, 6:11] = 27

    finding = describe(array, score=0.8)

    assert finding.coverage == "partial"
    assert finding.message == (
        "1 tumor, 1.0 mL (highest score 0.80). The organ itself was not found."
    )


def test_an_organ_that_the_model_does_not_know() -> None:
    finding = describe(np.zeros(GRID.shape, np.uint8), outlined={})

    assert (finding.coverage, finding.message) == ("none", "This model does not look for it.")


def test_an_organ_whose_tumors_the_model_does_not_look_for() -> None:
    message = describe(a_liver(), score=math.nan, threshold=None).message

    assert message == "This model does not look for its tumors."


def test_a_model_that_finds_tumors_alone_cannot_say_what_is_in_view() -> None:
    finding = describe(np.zeros(GRID.shape, np.uint8), outlined={"liver": False})

    assert finding.message == (
        "No tumor above threshold 0.50 (highest score 0.12)."
        " This model does not outline the organ itself."
    )
    assert math.isnan(finding.organ_ml)


@pytest.mark.parametrize("order", ["C", "F"])
def test_labels_are_counted_in_either_memory_order(order: str) -> None:
    array = np.array(a_liver(), order=order)  # type: ignore[call-overload]

    counts = count_labels(array)

    assert counts[5] == 1000
    assert counts.sum() == array.size


def test_numbers_near_1_stay_apart_from_the_threshold_they_miss():
    message = describe(a_liver(), score=0.9949, threshold=0.995).message

    assert message == "No tumor above threshold 0.995 (highest score 0.994)."
