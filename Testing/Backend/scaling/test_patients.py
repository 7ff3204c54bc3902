"""Subsets are nested, and nobody is learned from and measured on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.collections import Annotation, CollectionCase, read_cohort
from atlastumor.errors import InputError
from atlastumor.scaling.config import load_scaling
from atlastumor.scaling.patients import draw_subset, read_patients
from atlastumor.scaling.running import describe_settings
from Backend.scaling.tiny_study import save_cohort, write_cohorts, write_study


def test_larger_subsets_hold_smaller_ones_and_seeds_draw_others() -> None:
    pool = [(CollectionCase(f"case{n}", Path("none")),) for n in range(30)]

    subsets = {n: draw_subset(pool, n, 1) for n in (2, 4, 8, 30)}

    for small, large in ((2, 4), (4, 8), (8, 30)):
        assert subsets[large][:small] == subsets[small]
    assert len(set(subsets[30])) == 30
    assert draw_subset(pool, 8, 1) == subsets[8]
    assert set(draw_subset(pool, 8, 2)) != set(subsets[8])


def test_splits_of_one_cohort_decide_who_is_learned_from_and_who_is_held_out(
    tmp_path: Path,
) -> None:
    write_cohorts(tmp_path)
    cases = [*read_cohort(tmp_path / "pool.json").cases]
    cases[:2] = [replace(case, split="validation") for case in cases[:2]]
    cases[2:] = [replace(case, split="train") for case in cases[2:]]
    save_cohort(tmp_path / "pool.json", cases)
    config = load_scaling(write_study(tmp_path, held_out={"same": "pool.json"}))

    patients = read_patients(config)

    learned = {case.id for group in patients.pool for case in group}
    assert learned == {"pool2", "pool3"}
    assert {case.id for case in patients.held_out["same"]} == {"pool0", "pool1"}
    assert all(case.fingerprint for group in patients.pool for case in group)


def mirror(source: CollectionCase, folder: Path, name: str) -> CollectionCase:
    """The same scan under another name, the other way round."""
    image = nibabel.load(source.scan)
    path = folder / f"{name}.nii.gz"
    turned = np.ascontiguousarray(np.asanyarray(image.dataobj)[::-1])
    nibabel.save(nibabel.Nifti1Image(turned, image.affine), path)
    return replace(source, id=name, scan=path, labels=(), annotated=type(source.annotated)())


def test_a_held_out_scan_that_is_learned_from_under_another_name_is_refused(
    tmp_path: Path,
) -> None:
    write_cohorts(tmp_path)
    held_out = [*read_cohort(tmp_path / "held-out.json").cases]
    copy = mirror(read_cohort(tmp_path / "pool.json").cases[1], tmp_path, "stranger")
    save_cohort(tmp_path / "held-out.json", [*held_out, copy])

    with pytest.raises(InputError, match=r"'stranger' is for validation, but 'pool1' is a copy"):
        read_patients(load_scaling(write_study(tmp_path)))


def test_copies_within_the_pool_count_as_one_scan_and_enter_together(tmp_path: Path) -> None:
    write_cohorts(tmp_path)
    pool = [*read_cohort(tmp_path / "pool.json").cases]
    save_cohort(tmp_path / "pool.json", [*pool, mirror(pool[0], tmp_path, "twin")])

    patients = read_patients(load_scaling(write_study(tmp_path)))

    assert [case.id for case in patients.pool[0]] == ["pool0", "twin"]
    assert len(patients.pool) == 4


def annotate(path: Path, tumors: set[str], organs: set[str] | None = None) -> None:
    """Say of all cases of a cohort what they are annotated for."""
    known = Annotation(frozenset(organs or {"liver", "kidney"}), frozenset(tumors))
    save_cohort(path, [replace(case, annotated=known) for case in read_cohort(path).cases])


def test_only_tumors_that_somebody_shows_are_measured(tmp_path: Path) -> None:
    write_cohorts(tmp_path)
    annotate(tmp_path / "pool.json", {"liver"})

    patients = read_patients(load_scaling(write_study(tmp_path)))

    assert [case.annotated.tumors for case in patients.held_out["held-out"]] == [
        frozenset({"liver"})
    ] * 2
    annotate(tmp_path / "held-out.json", {"kidney"})
    said = r"Nothing can be measured on the set 'held-out': .* how to find \(liver\)"
    with pytest.raises(InputError, match=said):
        read_patients(load_scaling(write_study(tmp_path)))


def test_a_scan_that_teaches_nothing_is_no_real_scan_of_a_subset(tmp_path: Path) -> None:
    write_cohorts(tmp_path)
    first, *others = read_cohort(tmp_path / "pool.json").cases
    bare = replace(first, labels=(), annotated=Annotation())
    save_cohort(tmp_path / "pool.json", [bare, *others])

    patients = read_patients(load_scaling(write_study(tmp_path)))

    assert [case.id for group in patients.pool for case in group] == ["pool1", "pool2", "pool3"]


def test_other_annotations_are_other_settings(tmp_path: Path) -> None:
    write_cohorts(tmp_path)
    config = load_scaling(write_study(tmp_path))
    before = describe_settings(config, read_patients(config))
    annotate(tmp_path / "pool.json", {"liver", "kidney"}, {"liver"})

    after = describe_settings(config, read_patients(config))

    assert [key for key in after if after[key] != before[key]] == ["annotations"]


def test_a_damaged_scan_is_named_by_its_case(tmp_path: Path) -> None:
    write_cohorts(tmp_path)
    scan = read_cohort(tmp_path / "pool.json").cases[2].scan
    renamed = scan.rename(scan.with_name("ct.nii.gz"))
    renamed.write_bytes(renamed.read_bytes()[:2000])
    cases = [
        replace(case, scan=renamed) if case.scan == scan else case
        for case in read_cohort(tmp_path / "pool.json").cases
    ]
    save_cohort(tmp_path / "pool.json", cases)

    with pytest.raises(InputError, match=r"The scan of 'pool2' is needed .* 'ct\.nii\.gz'"):
        read_patients(load_scaling(write_study(tmp_path)))


def test_what_cannot_be_studied_is_refused_by_name(tmp_path: Path) -> None:
    write_cohorts(tmp_path, n=2)
    held_out = [*read_cohort(tmp_path / "held-out.json").cases]

    def refusal(**more: object) -> str:
        with pytest.raises(InputError) as caught:
            read_patients(load_scaling(write_study(tmp_path, **more)))
        return str(caught.value)

    assert "hold 2 different scans" in refusal(sizes=[1, 3])
    assert "have the id 'pool0'" in refusal(held_out={"same": "pool.json"})
    save_cohort(tmp_path / "held-out.json", [replace(case, split="train") for case in held_out])
    assert "The set 'held-out' holds no case" in refusal()
