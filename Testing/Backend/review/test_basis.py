"""What a review rests on, from a file of operating points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from atlastumor.errors import InputError
from atlastumor.review.cases import basis_from_points
from Backend.operating_points import make_point
from Backend.review.examples import FIRST, SECOND

CASES = {"case-1": Path("case-1")}
POINT = make_point(organ=FIRST)


def test_the_points_of_one_model_make_a_basis() -> None:
    points = {FIRST: POINT, SECOND: replace(POINT, organ=SECOND, threshold=0.4)}

    basis = basis_from_points(points, CASES)

    assert basis.thresholds == {FIRST: 0.25, SECOND: 0.4}
    assert (basis.model_id, basis.min_volume_mm3) == ("a-model", 30.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_id": "another"}, "differ in model"),
        ({"weights_sha256": "1" * 64}, "differ in model"),
        ({"min_volume_mm3": 10.0}, "differ in their least volume"),
    ],
)
def test_points_that_do_not_belong_together_are_refused_by_what_differs(
    changes: dict[str, object], message: str
) -> None:
    other = replace(POINT, organ=SECOND, **changes)  # type: ignore[arg-type]

    with pytest.raises(InputError, match=message):
        basis_from_points({FIRST: POINT, SECOND: other}, CASES)
    with pytest.raises(InputError, match="no operating point"):
        basis_from_points({}, CASES)
