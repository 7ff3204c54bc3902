"""Whether a synthetic tumor is worth keeping, by what a critic finds of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from atlastumor.batch.quality import Quality, judge_tumor
from atlastumor.errors import InputError
from atlastumor.organs import find_organ
from atlastumor.synthesis.request import TumorRequest
from atlastumor.synthesis.result import SynthesisResult
from atlastumor.synthesis.synthesize import synthesize
from atlastumor.volume import LabelMap, Scan
from Backend.batch.critics import ContrastCritic
from Backend.synthesis.made_case import Case, make_case, turn_by


@dataclass
class Answering:
    """A critic that answers with the truth, or a part of it, wherever it is asked to look."""

    truth: LabelMap
    label: int | None = None
    part: float = 1.0
    seen: Scan | None = None
    organs: tuple[str, ...] = ()

    def segment(self, scan: Scan, *, organs: list[str], **_: object) -> Answering:
        self.seen, self.organs = scan, tuple(organs)
        first = np.rint(self.truth.grid.to_ijk(scan.grid.to_ras([0, 0, 0]))).astype(int)
        box = tuple(slice(a, a + n) for a, n in zip(first, scan.grid.shape, strict=True))
        array = self.truth.array[box].copy()
        voxels = np.flatnonzero(array >= 27)
        array.flat[voxels[round(self.part * len(voxels)) :]] = 0
        if self.label is not None:
            array[array >= 27] = self.label
        self.labels = LabelMap(array, scan.grid, {})
        return self


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case()


@pytest.fixture(scope="module")
def tumor(case: Case) -> SynthesisResult:
    return synthesize(case.scan, case.labels, TumorRequest("liver", 20.0, 3))


@pytest.mark.parametrize(
    ("part", "is_kept"), [(0.0, False), (0.69, False), (0.71, True), (1, True)]
)
def test_the_share_is_what_is_found_of_the_tumor(
    tumor: SynthesisResult, part: float, is_kept: bool
) -> None:
    quality = judge_tumor(Answering(tumor.labels, part=part), tumor)

    assert quality.share == pytest.approx(part, abs=0.01)
    assert quality.is_kept is is_kept


def test_exactly_the_least_share_is_enough(tumor: SynthesisResult) -> None:
    share = judge_tumor(Answering(tumor.labels, part=0.4), tumor).share

    assert judge_tumor(Answering(tumor.labels, part=0.4), tumor, least=share).is_kept
    assert judge_tumor(Answering(tumor.labels, part=0.0), tumor, least=0.0).is_kept


def test_the_tumor_of_another_organ_does_not_count(tumor: SynthesisResult) -> None:
    critic = Answering(tumor.labels, label=find_organ("pancreas").tumor_label)

    quality = judge_tumor(critic, tumor)
    assert (quality.share, quality.rejected_by) == (0.0, "not found")
    assert quality.reason == "The model finds 0% of it again; at least 70% are needed."
    assert critic.organs == ("liver",)


def test_another_tumor_of_the_organ_counts_neither_way(tumor: SynthesisResult) -> None:
    again = replace(TumorRequest("liver", 14.0, 8), center_ras=(70.0, -15.0, 30.0))
    second = synthesize(tumor.scan, tumor.labels, again)

    assert judge_tumor(Answering(tumor.labels), second).share == 0.0
    assert judge_tumor(Answering(second.labels), second).share == 1.0


def test_only_the_scan_around_the_tumor_is_looked_at() -> None:
    case = make_case((1.5, 1.5, 2.0), turn_by(90.0, (1, 2)))
    request = TumorRequest("kidney", 15.0, 1, center_ras=(-62.0, -45.0, -38.0))
    tumor = synthesize(case.scan, case.labels, request)
    critic = Answering(tumor.labels)

    quality = judge_tumor(critic, tumor)
    assert (quality.share, quality.is_kept, quality.reason) == (1.0, True, "")
    assert critic.seen is not None
    grid = critic.seen.grid
    first = np.rint(case.scan.grid.to_ijk(grid.to_ras([0, 0, 0]))).astype(int)
    box = tuple(slice(a, a + n) for a, n in zip(first, grid.shape, strict=True))
    assert np.array_equal(critic.seen.array, tumor.scan.array[box])
    widths = np.array(grid.shape) * grid.spacing_mm
    assert widths.max() <= 232.0
    assert widths[0] < case.scan.grid.shape[0] * case.scan.grid.spacing_mm[0]


def test_broken_tumors_are_rejected_by_a_critic_that_looks_at_contrast(case: Case) -> None:
    """Its critic calls soft tissue much darker than the liver a tumor: wrong HU fail, good pass."""
    critic, kept, broken = ContrastCritic(), 0, 0
    for seed in range(6):
        request = TumorRequest("liver", 18.0, seed, contrast_hu=-60.0)
        good = synthesize(case.scan, case.labels, request)
        kept += judge_tumor(critic, good).is_kept
        array = good.scan.array.copy()
        array[good.labels.array == find_organ("liver").tumor_label] += 60  # as dense as its liver
        wrong = replace(good, scan=Scan(array, good.scan.grid))
        broken += judge_tumor(critic, wrong).is_kept

    assert (kept, broken) == (6, 0)


def repaint(tumor: SynthesisResult, change: Callable[[np.ndarray, np.ndarray], None]) -> Scan:
    """The scan with what `change` does to it, given its voxels and the tumor's."""
    array = tumor.scan.array.copy()
    change(array, tumor.labels.array == find_organ(tumor.request.organ).tumor_label)
    return Scan(array, tumor.scan.grid)


def make_air(array: np.ndarray, tumor: np.ndarray) -> None:
    array[tumor] = -900


def make_bone(array: np.ndarray, tumor: np.ndarray) -> None:
    array[tumor] += 400


def make_liver(array: np.ndarray, tumor: np.ndarray) -> None:
    array[tumor] = 110


@pytest.mark.parametrize("change", [make_air, make_bone, make_liver])
@pytest.mark.parametrize("diameter_mm", [10.0, 24.0])
def test_a_density_that_no_tumor_of_the_organ_has_is_rejected_though_it_is_found(
    case: Case, change: Callable[[np.ndarray, np.ndarray], None], diameter_mm: float
) -> None:
    good = synthesize(case.scan, case.labels, TumorRequest("liver", diameter_mm, 3))
    wrong = replace(good, scan=repaint(good, change))

    assert judge_tumor(Answering(good.labels), good).is_kept
    quality = judge_tumor(Answering(good.labels), wrong)
    assert (quality.share, quality.rejected_by) == (1.0, "not plausible")
    assert quality.contrast_hu is not None
    assert quality.plausible_hu is not None
    low, high = quality.plausible_hu
    assert not low <= quality.contrast_hu <= high
    numbers = (quality.contrast_hu, low, high)
    assert all(f"{number:+.0f}" in quality.reason for number in numbers)
    assert quality.share_before is None  # what is rejected already is not asked about again


@pytest.mark.parametrize("contrast_hu", [150.0, -140.0])
def test_a_density_that_was_asked_for_is_no_fault(case: Case, contrast_hu: float) -> None:
    request = TumorRequest("liver", 20.0, 3, contrast_hu=contrast_hu)
    tumor = synthesize(case.scan, case.labels, request)

    assert judge_tumor(Answering(tumor.labels), tumor).is_kept


@pytest.mark.parametrize(("part", "is_kept"), [(0.0, True), (0.45, True), (0.55, False)])
def test_a_tumor_that_was_found_before_it_was_there_is_rejected(
    case: Case, tumor: SynthesisResult, part: float, is_kept: bool
) -> None:
    class Prejudiced(Answering):
        def segment(self, scan: Scan, *, organs: list[str], **more: object) -> Answering:
            self.part = part if np.shares_memory(scan.array, case.scan.array) else 1.0
            return super().segment(scan, organs=organs, **more)

    quality = judge_tumor(Prejudiced(tumor.labels), tumor, before=case.scan)

    assert (quality.share, quality.is_kept) == (1.0, is_kept)
    assert quality.share_before == pytest.approx(part, abs=0.01)
    assert quality.rejected_by == ("" if is_kept else "found before")
    assert ("in the scan without it" in quality.reason) is not is_kept
    assert quality.record()["share_before"] == round(quality.share_before, 4)


def test_a_share_just_below_the_least_does_not_look_enough() -> None:
    assert Quality(0.6999).reason == "The model finds 69% of it again; at least 70% are needed."
    assert Quality(0.7).reason == ""


@pytest.mark.parametrize("least", [-0.1, 1.1, float("nan")])
def test_a_least_share_that_is_none_is_refused(tumor: SynthesisResult, least: float) -> None:
    with pytest.raises(InputError, match="a share from 0 to 1"):
        judge_tumor(Answering(tumor.labels), tumor, least=least)


def test_an_answer_on_another_grid_is_a_mistake(tumor: SynthesisResult) -> None:
    class Elsewhere:
        def segment(self, _scan: Scan, **_: object) -> Elsewhere:
            self.labels = make_case((4.0, 4.0, 8.0)).labels
            return self

    with pytest.raises(ValueError, match="not the scan's"):
        judge_tumor(Elsewhere(), tumor)
