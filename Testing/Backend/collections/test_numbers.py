"""What values mean is understood from their names, and never guessed."""

from __future__ import annotations

import pytest

from atlastumor.collections import UNKNOWN
from atlastumor.collections.numbers import number_by_alias, number_by_name

CASES = [
    ({1: "liver", 2: "cancer"}, "Task03_Liver", {1: (5,), 2: (27,)}, "liver", "liver"),
    ({1: "Vessel", 2: "Tumour"}, "Task08_HepaticVessel", {1: (), 2: (27,)}, "", "liver"),
    ({1: "colon cancer primaries"}, "Task10_Colon", {1: (30,)}, "", "colon"),
    ({1: "kidney", 2: "tumor", 3: "cyst"}, "K", {1: (3, 4), 2: (29,), 3: (29,)}, *["kidney"] * 2),
    ({1: "liver", 2: "kidney_left"}, "Two", {1: (5,), 2: (3,)}, "liver", ""),
    ({1: "liver_lesion", 2: "endometrioma_tumor"}, "X", {1: (27,), 2: (31,)}, "", "liver uterus"),
    ({1: "prostate/uterus", 2: "liver"}, "A", {1: (), 2: (5,)}, "liver", ""),
    (
        {1: "kidney_left", 2: "kidney_right", 3: "kidney_cyst_left", 4: "spleen"},
        "TotalSegmentator",
        {1: (3,), 2: (4,), 3: (29,), 4: ()},
        "kidney",
        "",
    ),
    ({1: "liver", 2: "ignore"}, "I", {1: (5,), 2: (UNKNOWN,)}, "liver", ""),
    ({1: "renal cyst", 2: "LiverCyst", 3: "bone cyst"}, "C", {1: (29,), 2: (27,), 3: ()}, "", ""),
    ({1: "liver", 2: "cyst", 3: "tumor"}, "L", {1: (5,), 2: (27,), 3: (27,)}, *["liver"] * 2),
    (
        {1: "renal_vein_left", 2: "hepatic vessel", 3: "colon"},
        "V",
        {1: (), 2: (), 3: (14,)},
        "colon",
        "",
    ),
]


@pytest.mark.parametrize(("names", "title", "values", "organs", "tumors"), CASES)
def test_names_are_understood(
    names: dict[int, str], title: str, values: dict[int, tuple[int, ...]], organs: str, tumors: str
) -> None:
    found = number_by_name({value: [name] for value, name in names.items()}, title)

    assert found.values == values
    assert found.annotated.organs == set(organs.split())
    assert found.annotated.tumors == set(tumors.split())
    assert not found.notes


@pytest.mark.parametrize("others", [["liver", "pancreas"], ["liver", "spleen"]])
def test_a_tumor_that_could_be_of_several_organs_is_unknown_and_said_to_be(
    others: list[str],
) -> None:
    names = {1: [others[0]], 2: [others[1]], 3: ["tumor"]}

    found = number_by_name(names, "Dataset500_Abdomen")

    assert found.values[3] == (UNKNOWN,)
    assert not found.annotated.tumors
    assert "'tumor' says no organ" in found.notes[0]


@pytest.mark.parametrize("name", ["pancreatic_pnet", "pancreatic duct", "any lesion", "cysts"])
def test_what_may_be_a_lesion_or_a_part_of_an_organ_is_never_its_background(name: str) -> None:
    names = {1: ["pancreas"], 2: ["pancreatic_pdac"], 3: [name], 4: ["liver"]}

    found = number_by_name(names, "Dataset500_Abdomen")

    assert found.values == {1: (6,), 2: (28,), 3: (UNKNOWN,), 4: (5,)}
    assert found.annotated.tumors == {"pancreas"}
    assert found.notes == (
        f"'{name}' is no name of an organ or tumor that is known; it is left out of every loss.",
    )


def test_half_of_a_region_counts_before_the_whole() -> None:
    found = number_by_name({1: ["kidneys", "left kidney"], 2: ["kidneys"]}, "K")

    assert found.values == {1: (3,), 2: (3, 4)}


def test_tables_name_every_value_of_a_collection() -> None:
    found = number_by_alias("amos", 15)

    assert set(found.values) == set(range(1, 16))
    assert found.values[2] == (4,)
    assert found.values[3] == (3,)
    assert found.values[1] == found.values[15] == ()
