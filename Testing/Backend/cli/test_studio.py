"""`atlastumor studio` as AtlasTumorSynth meets it: a process, one line in, one line out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import atlastumor
from atlastumor.batch.edits import Edit

from ..synthesis.made_case import CENTERS_RAS, make_case

WORDS = [sys.executable, "-m", "atlastumor", "studio", "--json-progress"]
HIDE = """
import runpy, sys

ABSENT = {"torch", "monai", "nibabel", "psutil", "safetensors", "PIL", "pydicom", "highdicom"}

class Absent:
    def find_spec(self, name, *_):
        if name.split(".")[0] in ABSENT:
            raise ModuleNotFoundError(name=name)

sys.meta_path.insert(0, Absent())
sys.argv[:] = ["atlastumor", "studio", "--json-progress"]
runpy.run_module("atlastumor", run_name="__main__", alter_sys=True)
"""
"""What Slicer has by itself is all that handcrafted tumors need."""


class Studio:
    """The process and its conversation."""

    def __init__(self, words: list[str]) -> None:
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(atlastumor.__file__).parents[1],
        )

    def send(self, **message: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def events(self) -> Iterator[dict[str, Any]]:
        assert self.process.stdout is not None
        yield from map(json.loads, self.process.stdout)

    def ask(self, **message: Any) -> dict[str, Any]:
        self.send(**message)
        return next(event for event in self.events() if event["event"] == "reply")

    def close(self) -> int:
        self.process.communicate(timeout=300)
        return self.process.returncode


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A scan as NRRD and its labels as .npy."""
    import SimpleITK as sitk

    folder, case = tmp_path_factory.mktemp("case"), make_case((3.0, 3.0, 4.0))
    image = sitk.GetImageFromArray(np.ascontiguousarray(case.scan.array.T))
    lps = np.diag([-1, -1, 1, 1]) @ case.scan.grid.affine
    image.SetSpacing(case.scan.grid.spacing_mm)
    image.SetDirection((lps[:3, :3] / case.scan.grid.spacing_mm).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    sitk.WriteImage(image, str(folder / "scan.nrrd"))
    np.save(folder / "labels.npy", case.labels.array)
    return str(folder / "scan.nrrd"), str(folder / "labels.npy")


@pytest.fixture
def a_studio() -> Iterator[Studio]:
    studio = Studio(WORDS)
    yield studio
    studio.close()


def tumor(**more: Any) -> dict[str, Any]:
    return {
        "organ": "",
        "diameter_mm": 14.0,
        "seed": 5,
        "method": "handcrafted",
        "shape": "ellipsoid",
        "center_ras": CENTERS_RAS["liver"],
        "contrast_hu": -60.0,
        **more,
    }


def test_a_conversation_grows_applies_and_takes_back_with_what_slicer_has_alone(
    files: tuple[str, str], tmp_path: Path
) -> None:
    studio = Studio([sys.executable, "-c", HIDE])
    reply = studio.ask(id=1, do="open", scan=files[0], labels=files[1])
    assert reply == {
        "event": "reply",
        "id": 1,
        "organs": ["liver", "pancreas", "kidney", "colon", "esophagus", "uterus"],
    }

    reply = studio.ask(id=2, do="grow", tumors=[tumor()], folder=str(tmp_path))

    (grown,) = reply["tumors"]
    assert grown["organ"] == "liver"
    assert grown["diameter_mm"] == pytest.approx(14.0, rel=0.1)
    edit = Edit.load(Path(grown["edit"]))
    assert (edit.hu_before != edit.hu_after).any()
    assert studio.ask(id=3, do="apply", edit=grown["edit"]) == {"event": "reply", "id": 3}
    reply = studio.ask(id=4, do="grow", tumors=[tumor()], folder=str(tmp_path))
    assert reply["error"]["kind"] == "PlacementError"
    studio.ask(id=5, do="revert", edit=grown["edit"])
    reply = studio.ask(id=6, do="grow", tumors=[tumor()], folder=str(tmp_path))
    assert np.array_equal(Edit.load(Path(reply["tumors"][0]["edit"])).hu_after, edit.hu_after)
    reply = studio.ask(id=7, do="judge", tumors=[tumor()])
    assert reply["error"]["kind"] == "DependencyError"  # and the process lives on
    assert studio.ask(id=8, do="grow", tumors=[tumor()], folder=str(tmp_path))["tumors"]
    assert studio.close() == 0


def test_what_cannot_be_done_is_said_in_one_sentence(
    a_studio: Studio, files: tuple[str, str], tmp_path: Path
) -> None:
    folder = str(tmp_path)
    assert "No scan is open" in a_studio.ask(id=1, do="judge", tumors=[])["error"]["message"]
    a_studio.ask(id=2, do="open", scan=files[0], labels=files[1])
    cases = [
        (tumor(center_ras=[900.0, 0.0, 0.0]), "InputError", "No organ is outlined"),
        (tumor(organ="pancreas"), "InputError", "lies the liver, not the pancreas"),
        (tumor(diameter_mm=150.0), "PlacementError", "largest"),
        (tumor(method="difftumor", contrast_hu=None), "WeightsError", "difftumor"),
        (tumor(method="witchcraft"), "UnknownKeyError", "handcrafted"),
    ]
    for wish, kind, text in cases:
        error = a_studio.ask(id=3, do="grow", tumors=[wish], folder=folder)["error"]
        assert error["kind"] == kind
        assert text.lower() in error["message"].lower()
    missing = str(tmp_path / "missing")
    error = a_studio.ask(id=4, do="grow", tumors=[tumor()], folder=missing)["error"]
    assert error["kind"] == "OutputError"


def test_a_scan_without_hounsfield_units_is_refused(a_studio: Studio, tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.full((40, 40, 40), 7, np.int16), np.eye(4))
    nibabel.save(image, tmp_path / "scan.nii.gz")
    np.save(tmp_path / "labels.npy", np.full((40, 40, 40), 5, np.uint8))
    words = {"scan": str(tmp_path / "scan.nii.gz"), "labels": str(tmp_path / "labels.npy")}

    reply = a_studio.ask(id=1, do="open", **words)

    assert "nothing to see in this scan" in reply["error"]["message"]


def test_a_mask_says_shape_or_place(
    a_studio: Studio, files: tuple[str, str], tmp_path: Path
) -> None:
    a_studio.ask(id=1, do="open", scan=files[0], labels=files[1])
    mask = np.zeros(np.load(files[1]).shape, bool)
    i, j, k = (np.argwhere(np.load(files[1]) == 4).mean(axis=0)).astype(int)
    mask[i - 2 : i + 3, j - 2 : j + 2, k - 1 : k + 2] = True
    path = str(tmp_path / "mask.npy")
    np.save(path, mask)
    wish = {"organ": "", "center_ras": None, "painting": path}

    for shape, diameter_mm in (("painted", 16.0), ("ellipsoid", 9.0)):
        one = tumor(**wish, shape=shape, diameter_mm=diameter_mm)
        (grown,) = a_studio.ask(id=2, do="grow", tumors=[one], folder=str(tmp_path))["tumors"]
        assert grown["organ"] == "kidney"
        assert grown["diameter_mm"] == pytest.approx(diameter_mm, rel=0.1)
    error = a_studio.ask(id=3, do="grow", tumors=[tumor(painting=path)], folder=str(tmp_path))[
        "error"
    ]
    assert "both a place and a mask" in error["message"]


def test_what_is_asked_can_be_cancelled(
    a_studio: Studio, files: tuple[str, str], tmp_path: Path
) -> None:
    a_studio.ask(id=1, do="open", scan=files[0], labels=files[1])
    many = [tumor(seed=n, center_ras=None) for n in range(200)]
    a_studio.send(id=2, do="grow", tumors=many, folder=str(tmp_path))

    a_studio.send(do="cancel")

    reply = next(event for event in a_studio.events() if event["event"] == "reply")
    assert reply["id"] == 2
    assert reply["error"]["kind"] == "Cancelled"
    assert a_studio.ask(id=3, do="grow", tumors=[tumor()], folder=str(tmp_path))["tumors"]


def test_it_ends_by_itself_when_nothing_is_asked() -> None:
    done = subprocess.run(
        [*WORDS, "--idle-s", "1"],
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=Path(atlastumor.__file__).parents[1],
        input=None,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["event"] == "result"


def test_a_person_is_told_that_it_is_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    from atlastumor.cli import main

    assert main(["studio"]) == 2
    assert "--json-progress" in capsys.readouterr().err
