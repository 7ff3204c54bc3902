"""From a folder that nnU-Net wrote to labels of a scan, by the command alone."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from atlastumor.cli import main
from atlastumor.inference.windows import importance
from atlastumor.organs import find_organ

from ..models.importing.nnunet_mocks import FACTS, make_network, make_plans, make_trained
from ..scans.bodies import a_body


@pytest.fixture
def a_scan_file(tmp_path: Path) -> Path:
    """A CT of exactly one window at the network's own voxel size, its first two axes reversed."""
    path = tmp_path / "ct.nii.gz"
    affine = np.diag([-1.5, -2.0, 5.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(a_body((24, 16, 8)) + np.int16(1), affine), path)
    return path


@pytest.fixture(autouse=True)
def _own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(tmp_path / "models"))


def run(*words: object) -> int:
    return main([str(word) for word in words])


def test_an_imported_model_segments_a_scan_as_nnunet_does(
    a_scan_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = make_network("PlainConvUNet", 3)
    folder = make_trained(tmp_path / "nn", make_plans(), networks={"0": network})

    assert run("models", "import", folder, "--id", "mine") == 0
    assert run("models", "verify", "mine") == 0
    exact = ("--backend", "torch", "--precision", "fp32")
    assert run("segment", a_scan_file, "-o", tmp_path / "out", "--model", "mine", *exact) == 0

    hu = np.asarray(nibabel.load(a_scan_file).dataobj, np.float32)
    clipped = np.clip(hu, FACTS["percentile_00_5"], FACTS["percentile_99_5"])
    window = torch.from_numpy((clipped - FACTS["mean"]) / FACTS["std"]).permute(2, 1, 0)
    with torch.inference_mode():
        logits = network(window[None, None])[0][0]
        # nnU-Net adds up in half precision, which leaves the outermost voxels a digit or none.
        weights = importance(tuple(window.shape)).half()
        sums = torch.zeros(logits.shape, dtype=torch.float16)
        sums += logits * weights
        channels = (sums / weights).argmax(0).permute(2, 1, 0).numpy()
    liver = find_organ("liver")
    expected = np.array([0, liver.label, liver.tumor_label])[channels]
    labels = np.asarray(nibabel.load(tmp_path / "out" / "labels.nii.gz").dataobj)
    np.testing.assert_array_equal(labels, expected)
    assert {0, liver.label, liver.tumor_label} == set(np.unique(labels))
    assert "mine" in capsys.readouterr().out


def test_labels_that_are_not_clear_are_said_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {"background": 0, "liver": 1, "pancreas": 2, "lesion": 3}
    dataset = {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz"}
    networks = {"0": make_network("PlainConvUNet", 4)}
    folder = make_trained(tmp_path / "nn", None, dataset, networks=networks)

    assert run("models", "import", folder) == 3
    assert "Of which organ 'lesion' is" in capsys.readouterr().err
    assert run("models", "import", folder, "--id", "a", "--organ", "liver") == 0
    assert run("models", "import", folder, "--id", "b", "--label", "lesion=pancreas tumor") == 0

    cards = [json.loads((tmp_path / "models" / f"{name}.json").read_text()) for name in "ab"]
    assert [card["outputs"][3]["organ"] for card in cards] == ["liver", "pancreas"]
