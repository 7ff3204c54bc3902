from __future__ import annotations

import numpy as np
import pytest

from atlastumor import make_segmenter
from atlastumor.errors import Cancelled, InputError, OutOfMemoryError, WeightsError
from atlastumor.inference import beforehand
from atlastumor.inference.engine import MEASURING, Segmenter
from atlastumor.progress import CancelToken

from .kitchen import (
    BORDERS,
    BOTH,
    Kitchen,
    a_scan_of_two_organs,
    open_mix,
)


def test_folds_of_an_ensemble_tell_where_they_disagree_and_the_labels_stay(
    kitchen: Kitchen,
) -> None:
    kitchen.add_model("folds", ["liver", "liver tumor"], (-100.0, 60.0), (-100.0, 140.0))
    scan = a_scan_of_two_organs()
    options = {"device": "cpu", "backend": "torch", "precision": "fp32"}

    plain = make_segmenter("folds", **options).segment(scan, probabilities=True)
    apart = make_segmenter("folds", disagreement=True, **options).segment(scan, probabilities=True)

    np.testing.assert_array_equal(apart.labels.array, plain.labels.array)
    tumor = (12, 12, 15)
    odds = np.array([(150 - 60) / 20, (150 - 140) / 20])
    expected = (1 / (1 + np.exp(-odds))).std()
    spread = apart.disagreement["liver"].to_grid(scan.grid)
    assert spread[tumor] == pytest.approx(expected, abs=2e-3)
    assert spread[0, 0, 0] == pytest.approx(0, abs=1e-3)
    assert apart.provenance.disagreement == {"liver": "2 networks of an ensemble"}
    assert plain.disagreement == {}


def test_folds_whose_sums_are_rounded_speak_apart_without_being_compared(
    kitchen: Kitchen,
) -> None:
    shifted = [border + 60.0 for border in BORDERS]
    for name, sums in (("single", "float32"), ("half", "float16")):
        inference = {"patch": [16, 16, 16], "sums": sums}
        kitchen.add_model(name, BOTH, BORDERS, shifted, inference=inference)
    scan = a_scan_of_two_organs()

    single, half = (
        Segmenter(name, device="cpu", backend="torch", precision="fp32")
        for name in ("single", "half")
    )

    assert (single.n_apart, half.n_apart) == (1, 2)
    found = half.segment(scan)
    assert found.provenance.disagreement == {}
    differs = found.labels.array != single.segment(scan).labels.array
    assert differs.mean() < 0.02


def test_folds_within_a_recipe_disagree_and_those_without_are_named(kitchen: Kitchen) -> None:
    kitchen.add_model("folds", ["liver", "liver tumor"], (-100.0, 60.0), (-100.0, 140.0))
    kitchen.add_recipe(
        {"organs": ["liver"], "models": ["folds"]}, {"organs": ["kidney"], "models": ["kidneys"]}
    )

    result = open_mix(disagreement=True).segment(a_scan_of_two_organs())

    assert set(result.disagreement) == {"liver"}
    assert result.provenance.disagreement == {"liver": "2 networks of folds"}
    assert any("disagreement of kidney" in note for note in result.provenance.notes)


@pytest.mark.parametrize("model", ["both", "mix"])
def test_one_network_has_none_to_disagree_with(kitchen: Kitchen, model: str) -> None:
    kitchen.add_recipe({"organs": ["liver"], "models": ["both"]})

    with pytest.raises(InputError, match=f"'{model}' is one network"):
        make_segmenter(model, device="cpu", disagreement=True)


def test_all_missing_weights_are_named_before_anything_runs(kitchen: Kitchen) -> None:
    kitchen.add_recipe(
        {"organs": ["liver"], "models": ["both"]}, {"organs": ["kidney"], "models": ["kidneys"]}
    )
    for name in ("both", "kidneys"):
        (kitchen.folder / f"{name}.safetensors").unlink()

    with pytest.raises(WeightsError, match=r"both\.safetensors.*kidneys\.safetensors"):
        open_mix()
    assert kitchen.loaded == []


@pytest.mark.usefixtures("kitchen")
def test_lesions_alone_are_refused_with_the_way_out() -> None:
    segmenter = Segmenter("lesions", device="cpu", backend="torch", precision="fp32")

    with pytest.raises(InputError, match="Name it in a recipe"):
        segmenter.segment(a_scan_of_two_organs())


def test_progress_never_falls_and_the_run_stops_when_asked_to(kitchen: Kitchen) -> None:
    kitchen.add_recipe(
        {"organs": ["liver"], "models": ["both"]}, {"organs": ["kidney"], "models": ["kidneys"]}
    )
    told: list[float] = []
    cancel = CancelToken()

    def stop_in_the_second_model(fraction: float, _stage: str) -> None:
        told.append(fraction)
        if fraction > 0.7:
            cancel.cancel()

    with pytest.raises(Cancelled):
        open_mix().segment(a_scan_of_two_organs(), progress=stop_in_the_second_model, cancel=cancel)

    assert told == sorted(told)
    assert kitchen.loaded == ["both", "kidneys"]


@pytest.mark.parametrize(("at", "loaded"), [(0.4, ["both"]), (0.94, ["both", "kidneys"])])
def test_it_tells_how_far_measuring_is_and_stops_within_it(
    kitchen: Kitchen, at: float, loaded: list[str]
) -> None:
    kitchen.add_recipe(
        {"organs": ["liver"], "models": ["both"]}, {"organs": ["kidney"], "models": ["kidneys"]}
    )
    told: list[float] = []
    cancel = CancelToken()

    def stop(fraction: float, stage: str) -> None:
        if fraction > at and stage == MEASURING:
            told.append(fraction)
            cancel.cancel()

    with pytest.raises(Cancelled):
        open_mix().segment(a_scan_of_two_organs(), progress=stop, cancel=cancel)

    assert len(told) == 1
    assert at < told[0] < 1.0
    assert kitchen.loaded == loaded


def test_a_recipe_beyond_memory_is_refused_before_it_starts(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    kitchen.add_recipe(
        {"organs": ["liver"], "models": ["both"]}, {"organs": ["kidney"], "models": ["kidneys"]}
    )
    segmenter, scan = open_mix(), a_scan_of_two_organs()
    foreseen = segmenter.estimate(scan)
    parts = [
        Segmenter(name, device="cpu", backend="torch", precision="fp32").estimate(scan)
        for name in ("both", "kidneys")
    ]
    kitchen.loaded.clear()
    monkeypatch.setattr(beforehand, "available_host_bytes", lambda: -(10**12))

    assert foreseen.n_windows == sum(part.n_windows for part in parts)
    assert max(p.host_bytes for p in parts) < foreseen.host_bytes
    assert foreseen.host_bytes < sum(p.host_bytes for p in parts)
    with pytest.raises(OutOfMemoryError, match="GB"):
        segmenter.segment(scan)
    assert kitchen.loaded == []


def test_mirrored_passes_are_left_out_where_a_model_was_not_trained_for_them(
    kitchen: Kitchen,
) -> None:
    kitchen.add_model(
        "turned", ["liver", "liver tumor"], (-100.0, 100.0), inference={"mirror_axes": [0]}
    )
    kitchen.add_recipe(
        {"organs": ["liver"], "models": ["turned"]}, {"organs": ["kidney"], "models": ["kidneys"]}
    )

    record = open_mix().segment(a_scan_of_two_organs(), mirror=True).provenance

    assert [row["mirror"] for row in record.parts] == [True, False]
    assert any("run without: kidneys" in note for note in record.notes)
    kitchen.add_recipe({"organs": ["kidney"], "models": ["kidneys"]})
    with pytest.raises(InputError, match="No model of 'mix' was trained for mirrored passes"):
        open_mix().segment(a_scan_of_two_organs(), mirror=True)


def test_a_segmenter_of_one_model_says_who_opens_a_recipe(kitchen: Kitchen) -> None:
    kitchen.add_recipe({"organs": ["liver"], "models": ["both"]})

    with pytest.raises(InputError, match="`make_segmenter` opens it"):
        Segmenter("mix", device="cpu")


def test_a_recipe_foresees_for_rounded_folds_what_these_foresee_alone(kitchen: Kitchen) -> None:
    shifted = [border + 60.0 for border in BORDERS]
    inference = {"patch": [16, 16, 16], "sums": "float16"}
    kitchen.add_model("folds", BOTH, *[BORDERS, shifted] * 5, inference=inference)
    kitchen.add_recipe({"organs": ["liver"], "models": ["folds"]})
    scan = a_scan_of_two_organs()

    alone = Segmenter("folds", device="cpu", backend="torch", precision="fp32").estimate(scan)

    kept = scan.array.size  # the labels of all
    assert open_mix().estimate(scan).host_bytes == alone.host_bytes + kept
