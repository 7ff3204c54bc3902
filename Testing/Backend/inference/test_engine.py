from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from atlastumor.errors import Cancelled, InputError, OutOfMemoryError
from atlastumor.inference import beforehand, engine
from atlastumor.inference.engine import SEARCHED, Segmenter
from atlastumor.inference.result import Segmentation
from atlastumor.models.card import load_card
from atlastumor.progress import CancelToken
from atlastumor.volume import Grid, Scan, Source

from .pretend import PretendBackend, by_density, make_scan
from .random_model import write_model


@pytest.fixture(scope="module")
def a_segmenter(tmp_path_factory: pytest.TempPathFactory) -> Segmenter:
    card = load_card(write_model(tmp_path_factory.mktemp("models")))
    return Segmenter(card, device="cpu", backend="torch", precision="fp32")


@pytest.fixture
def by_density_segmenter(a_segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch) -> Segmenter:
    """The same with a network whose answers are known."""
    backend = PretendBackend(by_density)
    backend.name = "torch"
    monkeypatch.setattr(a_segmenter, "backend", backend)
    return a_segmenter


def a_liver_scan() -> Scan:
    """Fat at -150 HU with a liver of 32.4 mL at 0 HU, and in it a tumor of 4.9 mL at 150 HU."""
    array = np.full((40, 40, 40), -150, np.int16)
    array[10:20, 10:20, 10:22] = 0
    array[12:17, 12:17, 12:18] = 150
    array[0] = array[-1] = -1000
    source = Source("nifti", "ab" * 32, notes=("A note.",))
    return Scan(array, Grid(array.shape, np.diag([3.0, 3.0, 3.0, 1.0])), source)


def test_it_finds_the_liver_and_its_tumor(by_density_segmenter: Segmenter) -> None:
    scan = a_liver_scan()

    result = by_density_segmenter.segment(scan)

    expected = np.zeros(scan.array.shape, np.uint8)
    expected[10:20, 10:20, 10:22] = 5
    expected[12:17, 12:17, 12:18] = 27
    np.testing.assert_array_equal(result.labels.array, expected)
    assert result.labels.grid is scan.grid
    (lesion,) = result.lesions
    assert lesion.volume_ml == pytest.approx(150 * 0.027)
    assert 0.5 < lesion.score <= 1.0
    liver, kidney = result.findings
    assert (liver.coverage, liver.n_lesions) == ("whole", 1)
    assert liver.organ_ml == pytest.approx(1200 * 0.027)
    assert (kidney.coverage, kidney.message) == ("none", "Not in view.")
    assert math.isnan(kidney.highest_score)


def test_its_record_says_who_did_what(
    by_density_segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PeakDeviceMemory", lambda _device: SimpleNamespace(bytes=70))
    scan = a_liver_scan()

    record = by_density_segmenter.segment(scan, thresholds={"kidney": 0.3}).provenance

    assert (record.model_id, record.model_version) == ("tiny", "1.2.3")
    assert record.weights_sha256 == by_density_segmenter.card.weights.sha256
    assert record.thresholds == {"liver": 0.5, "kidney": 0.3}
    assert (record.input_kind, record.input_sha256) == ("nifti", "ab" * 32)
    assert record.notes == ("A note.",)
    assert record.organs == ("liver", "kidney")
    assert record.windows_run > 0
    assert list(record.stage_seconds) == [
        "Preparing the scan",
        "Finding tumors",
        "Measuring tumors",
    ]
    assert record.rungs == ()
    assert record.peak_host_bytes is not None
    assert (record.peak_device_bytes, record.threads) == (70, torch.get_num_threads())
    assert record.to_dict()["grid_shape"] == [40, 40, 40]


def test_only_the_organs_asked_for_are_in_the_result(by_density_segmenter: Segmenter) -> None:
    result = by_density_segmenter.segment(make_scan((40, 40, 40)), organs=["kidney"])

    assert set(np.unique(result.labels.array)) <= {0, 3, 4, 29}
    assert 29 in result.labels.array
    assert [finding.organ for finding in result.findings] == ["kidney"]
    assert {lesion.organ for lesion in result.lesions} == {"kidney"}
    assert set(result.labels.names) == {3, 4, 29}


def test_a_lower_threshold_finds_more(by_density_segmenter: Segmenter) -> None:
    scan = make_scan((40, 40, 40))

    few = by_density_segmenter.segment(scan, thresholds={"liver": 0.7})
    many = by_density_segmenter.segment(scan, thresholds={"liver": 0.1})

    n_few, n_many = ((r.labels.array == 27).sum() for r in (few, many))
    assert 0 < n_few < n_many
    assert not ((few.labels.array == 27) & (many.labels.array != 27)).any()


def test_probabilities_come_when_asked_for(by_density_segmenter: Segmenter) -> None:
    scan = a_liver_scan()

    without = by_density_segmenter.segment(scan)
    with_them = by_density_segmenter.segment(scan, probabilities=True)

    assert without.probabilities == {}
    assert set(with_them.probabilities) == {"liver", "kidney"}
    liver = with_them.probabilities["liver"].to_grid(scan.grid)
    np.testing.assert_array_equal(liver >= 0.5, with_them.labels.array == 27)
    assert with_them.probabilities["liver"].grid.matches(scan.grid)


def run_twice(segmenter: Segmenter, scan: Scan) -> tuple[Segmentation, Segmentation]:
    first, second = (segmenter.segment(scan, probabilities=True) for _ in range(2))
    return first, second


def test_a_real_network_gives_the_same_bytes_twice(a_segmenter: Segmenter) -> None:
    first, second = run_twice(a_segmenter, make_scan((30, 28, 40)))

    assert first.labels.array.tobytes() == second.labels.array.tobytes()
    assert len(np.unique(first.labels.array)) > 1
    assert first.lesions == second.lesions
    assert first.findings == second.findings or any(
        math.isnan(finding.highest_score) for finding in first.findings
    )
    for key, probability in first.probabilities.items():
        assert probability.array.tobytes() == second.probabilities[key].array.tobytes()


def test_progress_never_falls_and_ends_at_1(by_density_segmenter: Segmenter) -> None:
    told: list[tuple[float, str]] = []

    by_density_segmenter.segment(
        a_liver_scan(), progress=lambda fraction, stage: told.append((fraction, stage))
    )

    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert list(dict.fromkeys(stage for _, stage in told)) == [
        "Preparing the scan",
        "Finding tumors",
        "Measuring tumors",
    ]
    measuring = {fraction for fraction, stage in told if stage == "Measuring tumors"}
    assert measuring - {SEARCHED, 1.0}


@pytest.mark.parametrize("at", [0.5, SEARCHED])
def test_it_stops_when_asked_to(by_density_segmenter: Segmenter, at: float) -> None:
    cancel = CancelToken()

    def stop(fraction: float, _stage: str) -> None:
        if fraction > at:
            cancel.cancel()

    with pytest.raises(Cancelled):
        by_density_segmenter.segment(a_liver_scan(), progress=stop, cancel=cancel)


def test_running_out_of_memory_goes_one_rung_down_and_says_so(
    by_density_segmenter: Segmenter,
) -> None:
    backend = by_density_segmenter.backend
    assert isinstance(backend, PretendBackend)
    n_calls = 0

    def fail_once(windows: torch.Tensor) -> torch.Tensor:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 3:
            raise MemoryError
        return by_density(windows)

    backend.answer = fail_once
    told: list[float] = []
    result = by_density_segmenter.segment(
        a_liver_scan(), progress=lambda fraction, _stage: told.append(fraction)
    )

    (sentence,) = result.provenance.rungs
    assert sentence == "Memory ran out; went on with half-precision sums of the windows."
    assert told == sorted(told)
    assert len(result.lesions) == 1


def test_a_scan_beyond_memory_is_refused_before_it_starts(
    by_density_segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beforehand, "available_host_bytes", lambda: -(10**12))

    with pytest.raises(OutOfMemoryError, match="GB"):
        by_density_segmenter.segment(a_liver_scan())


def test_a_model_without_the_organ_is_refused(by_density_segmenter: Segmenter) -> None:
    with pytest.raises(InputError, match="colon"):
        by_density_segmenter.segment(a_liver_scan(), organs=["colon"])


def test_a_tilted_scan_is_noted(by_density_segmenter: Segmenter) -> None:
    scan = a_liver_scan()
    affine = scan.grid.affine.copy()
    affine[:2, :2] = np.array([[0.8, -0.6], [0.6, 0.8]]) * 3.0

    record = by_density_segmenter.segment(
        Scan(scan.array, Grid(scan.array.shape, affine))
    ).provenance

    (note,) = record.notes
    assert "tilted by 37 degrees" in note


def test_kidneys_are_told_apart(by_density_segmenter: Segmenter) -> None:
    array = np.full((60, 30, 30), -150, np.int16)
    array[6:16, 8:18, 8:20] = 250  # kidneys lie between 200 and 300 HU
    array[40:50, 8:18, 8:20] = 250
    scan = Scan(array, Grid(array.shape, np.diag([3.0, 3.0, 3.0, 1.0])))

    labels = by_density_segmenter.segment(scan).labels.array

    assert (labels[7:15, 9:17, 9:19] == 3).all()  # R grows with i: the patient's left
    assert (labels[41:49, 9:17, 9:19] == 4).all()


def test_a_real_scan_goes_through(a_segmenter: Segmenter, shared_data: Path) -> None:
    import nibabel

    image = nibabel.load(shared_data / "ts_example_ct_sm_3mm.nii.gz")
    array = np.asarray(image.dataobj).astype(np.int16)
    scan = Scan(array, Grid(array.shape, image.affine))

    result = a_segmenter.segment(scan, probabilities=True)

    assert result.labels.array.shape == scan.array.shape
    assert result.labels.grid.matches(scan.grid)
    assert result.provenance.windows_run > 0
    assert set(np.unique(result.labels.array)) <= {0, 3, 4, 5, 27, 29}
