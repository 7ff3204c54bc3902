"""From a model's own maps to a threshold, and back to the model that alone may use it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from atlastumor.cli import main

from ..cohorts.tiny import TINY, write_model
from ..scans.bodies import a_body

MODEL = TINY


def run(*words: object) -> int:
    return main([str(word) for word in words])


def make_reference(prediction: Path, reference: Path) -> float:
    """Call tumor what the map says is likeliest, and give the threshold that finds just that."""
    image = nibabel.load(prediction / "probabilities/liver_tumor.nii.gz")
    probability = np.asarray(image.dataobj, np.float32)
    threshold = np.quantile(probability, 0.99).astype(np.float32)
    label_map = np.full(probability.shape, 5, np.uint8)
    label_map[probability >= threshold] = 27
    reference.mkdir(parents=True)
    nibabel.save(nibabel.Nifti1Image(label_map, image.affine), reference / "labels.nii.gz")
    return float(threshold)


class Loop:
    """A segmented scan, its reference, and the operating point that `froc` made of them."""

    def __init__(self, root: Path) -> None:
        self.models = write_model(root / "models")
        self.scan = root / "ct.nii.gz"
        affine = np.diag([-3.0, 2.5, 5.0, 1.0])
        nibabel.save(nibabel.Nifti1Image(a_body((40, 34, 24)), affine), self.scan)
        assert self.segment(root / "predictions/one", "--probabilities") == 0
        make_reference(root / "predictions/one", root / "references/one")
        words = ("--hit", "union-iou=0.9", "--target-sensitivity", "0.5", "--no-figures")
        folders = (root / "predictions", root / "references", "-o", root / "froc")
        assert run("froc", *folders, *words, "--bootstrap", 10) == 0
        self.file = root / "froc/operating-points.json"

    def segment(self, output: Path, *words: object) -> int:
        model = ("--model", MODEL, "--models-dir", self.models, "--device", "cpu")
        return run("segment", self.scan, "-o", output, *model, "--no-report", *words)

    def changed(self, path: Path, **values: Any) -> Path:
        data = json.loads(self.file.read_text())
        data["points"][0] |= values
        path.write_text(json.dumps(data))
        return path

    @property
    def threshold(self) -> float:
        return float(json.loads(self.file.read_text())["points"][0]["threshold"])


@pytest.fixture(scope="module")
def a_loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    return Loop(tmp_path_factory.mktemp("loop"))


def read_provenance(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "result.json").read_text())["provenance"]


def test_the_threshold_goes_from_the_curve_into_the_run(a_loop: Loop, tmp_path: Path) -> None:
    out = tmp_path / "out"

    assert a_loop.segment(out, "--operating-point", a_loop.file) == 0

    provenance = read_provenance(out)
    assert provenance["thresholds"] == {"liver": a_loop.threshold}
    (note,) = [n for n in provenance["notes"] if "operating point" in n]
    assert "threshold" in note
    assert "'references'" in note
    assert "IoU >= 0.90" in note


def test_a_threshold_that_is_given_comes_first_and_it_is_said(a_loop: Loop, tmp_path: Path) -> None:
    out = tmp_path / "out"

    assert a_loop.segment(out, "--operating-point", a_loop.file, "--threshold", "liver=0.25") == 0

    provenance = read_provenance(out)
    assert provenance["thresholds"] == {"liver": 0.25}
    notes = [n for n in provenance["notes"] if "operating point" in n]
    assert notes == ["Used the threshold 0.25 of liver as given, not the operating point's."]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_id": "other-v1"}, "for the model 'other-v1', not for 'tiny-v1'"),
        ({"weights_sha256": "0" * 64}, "other weights of 'tiny-v1'"),
        ({"threshold": 2}, "threshold is 2"),
    ],
)
def test_another_models_operating_point_is_refused(
    values: dict[str, Any],
    message: str,
    a_loop: Loop,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = a_loop.changed(tmp_path / "points.json", **values)

    assert a_loop.segment(tmp_path / "out", "--operating-point", file) == 3

    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_new_training_makes_old_operating_points_unusable(
    a_loop: Loop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    retrained = write_model(tmp_path / "models", seed=1)
    model = ("--model", MODEL, "--models-dir", retrained, "--device", "cpu")
    point = ("--operating-point", a_loop.file)

    assert run("segment", a_loop.scan, "-o", tmp_path / "out", *model, *point) == 3

    assert "other weights of 'tiny-v1'" in capsys.readouterr().err
    shutil.rmtree(retrained)
