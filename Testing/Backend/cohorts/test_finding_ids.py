from __future__ import annotations

import re
from pathlib import Path

import pytest

from atlastumor.cohorts.finding.ids import make_ids, make_safe

from .places import ids, touch

FILES = ["1.nii", "2.nii", "3.nii"]


@pytest.mark.parametrize("name", ["case_1", "BDMAP_00000001", "volume-0", "a.b", "x" * 80])
def test_a_name_that_is_safe_stays(name: str) -> None:
    assert make_safe(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("CON", "nul.x", "com1", "Lpt9", "probabilities", "Segmentations"),
        *("..", ".hidden", "_x", "trailing.", "a/b", 'a:b*c?"<>|', "tab\there", "", " "),
        *("病例一", "Ünïcödé", "пациент 7", "e\u0301", "x" * 81, "\udcff"),
    ],
)
def test_every_other_name_becomes_a_safe_one_that_stays_so(name: str) -> None:
    safe = make_safe(name)

    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", safe)
    assert not safe.endswith(".")
    assert safe.split(".")[0].lower() not in {"con", "nul", "com1", "lpt9", "probabilities"}
    assert make_safe(safe) == safe
    assert make_safe(name) == safe


def test_names_of_which_more_than_an_accent_is_lost_stay_apart() -> None:
    assert make_safe("Ünïcödé") == "Unicode"
    assert make_safe("病例一") != make_safe("病例二")
    assert make_safe("x" * 90) != make_safe("x" * 91)


def test_names_alike_are_told_apart_by_the_folders_above_them() -> None:
    names = [("ct1", "A", "in"), ("ct1", "B", "in"), ("ct2", "A", "in")]

    assert make_ids(names, FILES) == ["A_ct1", "B_ct1", "ct2"]


def test_names_that_differ_in_case_only_are_alike() -> None:
    names = make_ids([("Case", "a"), ("case", "b")], FILES)

    assert names == ["a_Case", "b_case"]


def test_names_that_folders_cannot_tell_apart_get_a_hash() -> None:
    names = make_ids([("a b", "x"), ("a_b", "x"), ("a+b", "x")], ["a b.nii", "a_b.nii", "a+b.nii"])

    assert len({name.casefold() for name in names}) == 3
    assert all(re.fullmatch("a_b-[0-9a-f]{8}", name) for name in names)


def test_a_name_that_a_manifest_gave_to_another_is_not_used_again() -> None:
    assert make_ids([("Case", "a")], FILES, taken=["case"]) == ["a_Case"]


def test_the_same_cohort_gets_the_same_ids_in_whatever_order(tmp_path: Path) -> None:
    paths = [touch(tmp_path / name) for name in ("s/1.nii.gz", "t/1.nii", "t/1.mha", "u/ct.nii")]

    forward, backward = ids(*paths), ids(*reversed(paths))

    assert forward == backward
    assert re.fullmatch("1 1-[0-9a-f]{8} 1-[0-9a-f]{8} u", " ".join(forward))
