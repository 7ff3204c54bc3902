"""What is said of a JSON value that its schema does not allow."""

from __future__ import annotations

from typing import Any

import pytest

from atlastumor.models.schema import find_fault


@pytest.mark.parametrize(
    ("bounds", "n", "said"),
    [
        ({"minItems": 1}, 0, "organs must have at least 1 item, not 0"),
        ({"minItems": 2}, 1, "organs must have at least 2 items, not 1"),
        ({"minItems": 1, "maxItems": 1}, 2, "organs must have 1 item, not 2"),
        ({"minItems": 3, "maxItems": 3}, 0, "organs must have 3 items, not 0"),
        ({"minItems": 1, "maxItems": 3}, 4, "organs must have 1 to 3 items, not 4"),
        ({"maxItems": 3}, 4, "organs must have 0 to 3 items, not 4"),
        ({"maxItems": 0}, 1, "organs must have 0 items, not 1"),
        ({"minItems": 1}, 1, None),
    ],
)
def test_how_many_items_there_may_be_is_said(
    bounds: dict[str, Any], n: int, said: str | None
) -> None:
    assert find_fault(["liver"] * n, bounds, "organs") == said


def test_a_key_that_is_not_known_is_not_called_a_cards() -> None:
    schema = {"properties": {"steps": {}, "batch": {}}, "additionalProperties": False}

    said = find_fault({"stepz": 1}, schema, "config")

    assert said == "config.stepz is not a key here; known are batch, steps"
