"""From trained folders to a recipe, its labels and its maps, by the command alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import pytest

from atlastumor.cli import main
from atlastumor.organs import find_organ

from ..models.importing.nnunet_mocks import make_network, make_plans, make_trained
from ..scans.bodies import a_body

SEEDS = {"folds": 12, "kidneys": 12, "lesions": 20}  # whose networks say more than one thing
LIVER, KIDNEY = find_organ("liver"), find_organ("kidney")
RECIPE = {
    "schema": 1,
    "id": "mix",
    "title": "Mix",
    "version": "1",
    "summary": "For tests.",
    "parts": [
        {"organs": ["liver"], "models": ["folds"]},
        {"organs": ["kidney"], "models": ["lesions"], "within": "kidneys"},
    ],
    "limits": "For tests.",
}


def run(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def a_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan, and a models folder with three imported models of random weights and a recipe."""
    place = tmp_path_factory.mktemp("recipes")
    affine = np.diag([-1.5, -2.0, 5.0, 1.0])
    nibabel.save(
        nibabel.Nifti1Image(a_body((36, 24, 12)) + np.int16(1), affine), place / "ct.nii.gz"
    )
    trained: dict[str, tuple[dict[str, int], int, list[str]]] = {
        "folds": ({"background": 0, "liver": 1, "liver tumor": 2}, 2, []),
        "kidneys": ({"background": 0, "kidney": 1}, 1, []),
        "lesions": ({"background": 0, "lesion": 1}, 1, ["--label", "lesion=any lesion"]),
    }
    for name, (labels, n_folds, words) in trained.items():
        dataset = {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz"}
        networks = {
            str(n): make_network("PlainConvUNet", len(labels), seed=SEEDS[name] + n)
            for n in range(n_folds)
        }
        folder = make_trained(place / name, make_plans(), dataset, networks=networks)
        to = ("--models-dir", place / "models")
        assert run("models", "import", folder, "--id", name, *words, *to) == 0
    (place / "models" / "mix.json").write_text(json.dumps(RECIPE))
    return place


def segment(place: Path, name: str, model: str, *words: object) -> Path:
    exact = ("--backend", "torch", "--precision", "fp32", "--no-report", "--device", "cpu")
    where = ("--models-dir", place / "models", "-o", place / f"out-{name}")
    assert run("segment", place / "ct.nii.gz", "--model", model, *where, *exact, *words) == 0
    return place / f"out-{name}"


def read(path: Path) -> npt.NDArray[np.float64]:
    return np.asarray(nibabel.load(path).get_fdata())


def test_a_recipe_of_imported_models_segments_a_scan(
    a_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = segment(a_place, "mix", "mix", "--probabilities", "--disagreement")
    alone = read(segment(a_place, "folds", "folds") / "labels.nii.gz")
    kidneys = read(segment(a_place, "kidneys", "kidneys") / "labels.nii.gz")

    probability = read(folder / "probabilities" / "kidney_tumor.nii.gz")
    expected = np.where(alone > 0, alone, kidneys)
    outline = np.isin(expected, KIDNEY.labels)
    expected[outline & (probability >= 0.5)] = KIDNEY.tumor_label
    labels = read(folder / "labels.nii.gz")
    np.testing.assert_array_equal(labels, expected)
    assert {LIVER.label, LIVER.tumor_label, KIDNEY.tumor_label} <= set(np.unique(labels))
    assert (probability[~outline] == 0).all()

    spread = read(folder / "disagreement" / "liver_tumor.nii.gz")
    assert 0 < spread.max() <= 0.5
    assert [path.name for path in (folder / "disagreement").iterdir()] == ["liver_tumor.nii.gz"]
    manifest: dict[str, Any] = json.loads((folder / "result.json").read_text())
    assert "disagreement/liver_tumor.nii.gz" in manifest["files"]
    record = manifest["provenance"]
    assert record["disagreement"] == {"liver": "2 networks of folds"}
    assert record["model_id"] == "mix"
    cards = {
        name: json.loads((a_place / "models" / f"{name}.json").read_text())
        for name in ("folds", "kidneys", "lesions")
    }
    assert {row["model_id"]: row["weights_sha256"] for row in record["parts"]} == {
        name: card["weights"]["sha256"] for name, card in cards.items()
    }
    assert "Kidney:" in capsys.readouterr().out


def test_folds_disagree_alike_in_every_backend(a_place: Path) -> None:
    pytest.importorskip("openvino")
    words = ("--disagreement", "--probabilities")

    alone = segment(a_place, "together", "folds", "--probabilities")
    folders = [
        segment(a_place, f"apart-{name}", "folds", *words, "--backend", name)
        for name in ("torch", "openvino")
    ]

    maps = [read(folder / "disagreement" / "liver_tumor.nii.gz") for folder in folders]
    np.testing.assert_allclose(maps[0], maps[1], atol=5e-3)
    assert maps[0].max() > 0.01
    together = read(alone / "probabilities" / "liver_tumor.nii.gz")
    mean = read(folders[0] / "probabilities" / "liver_tumor.nii.gz")
    np.testing.assert_allclose(mean, together, atol=1e-3)
    differs = read(alone / "labels.nii.gz") != read(folders[0] / "labels.nii.gz")
    assert differs.mean() < 1e-3


def test_a_recipe_is_verified_model_by_model(
    a_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = ("--models-dir", a_place / "models")

    assert run("models", "verify", "mix", *to) == 0
    weights = a_place / "models" / "lesions.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + b"\0")
    try:
        assert run("models", "verify", "mix", *to) == 3
        assert "lesions.safetensors" in capsys.readouterr().err
    finally:
        weights.write_bytes(whole)


def test_what_cannot_disagree_is_refused_and_nothing_written(
    a_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("segment", a_place / "ct.nii.gz", "-o", a_place / "none", "--disagreement")

    assert run(*words, "--model", "kidneys", "--models-dir", a_place / "models") == 3
    assert "'kidneys' is one network" in capsys.readouterr().err
    assert not (a_place / "none").exists()


def test_missing_weights_are_named_and_nothing_written(
    a_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = a_place / "models" / "lesions.safetensors"
    weights.rename(weights.with_suffix(".away"))
    words = ("segment", a_place / "ct.nii.gz", "-o", a_place / "none", "--model", "mix")
    try:
        assert run(*words, "--models-dir", a_place / "models") == 3
    finally:
        weights.with_suffix(".away").rename(weights)

    assert "The weights of 'lesions' are missing" in capsys.readouterr().err
    assert not (a_place / "none").exists()
