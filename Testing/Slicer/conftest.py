"""Fixtures for everything that speaks to Slicer, on the test host."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = REPOSITORY / "AtlasTumorSeg" / "AtlasTumorSeg.py"
FAKE_WORKER = REPOSITORY / "AtlasTumorSeg" / "AtlasTumorSegLib" / "FakeWorker.py"
FROC = REPOSITORY / "AtlasFROC"
SYNTH = REPOSITORY / "AtlasTumorSynth"
CARDS = REPOSITORY / "AtlasTumorLib" / "atlastumor" / "models" / "cards"

if str(REPOSITORY / "Testing" / "Host") not in sys.path:
    sys.path.insert(0, str(REPOSITORY / "Testing" / "Host"))

from host import plugin  # noqa: E402 - found only after the line above

a_slicer, load_module = plugin.a_slicer, plugin.load_module

SHAPE_KJI = (7, 20, 18)
AXES = np.array([[-0.8, 0, 0.6], [0, -1, 0], [0.6, 0, 0.8]]) * (0.9, 1.5, 3.0)
"""Oblique, flipped and anisotropic: any mistake in axis order or sign shows."""
ORIGIN = (101.25, -20.5, 330.125)


@pytest.fixture
def a_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One model, and no other: its texts are known here."""
    from atlastumor.models import card

    folder = tmp_path / "cards"
    folder.mkdir()
    (folder / "schema.json").write_text((CARDS / "schema.json").read_text("utf-8"), "utf-8")
    (folder / "a.json").write_text(json.dumps(_card()), "utf-8")
    monkeypatch.setattr(card, "CARDS_DIR", folder)
    return card.load_card(folder / "a.json")


def _card() -> dict[str, Any]:
    return {
        "schema": 1,
        "id": "atlastumor-phantom-v0",
        "title": "A model for tests",
        "version": "0.0.1",
        "summary": "It exists in tests only.",
        "license": "Apache-2.0",
        "source": {},
        "weights": {"file": "a.safetensors", "sha256": "0" * 64, "bytes": 1},
        "network": {"name": "segresnet", "args": {}},
        "input": {
            "orientation": "RAS",
            "spacing_mm": [3.0, 3.0, 3.0],
            "clip_hu": [-160.0, 240.0],
            "normalize": "unit",
            "resample_order": 1,
        },
        "inference": {"patch": [32, 32, 32], "overlap": 0.5, "mirror_axes": []},
        "outputs": [
            {"channel": 0, "kind": "background"},
            {"channel": 1, "kind": "organ", "organ": "liver"},
            {"channel": 2, "kind": "tumor", "organ": "liver"},
        ],
        "activation": "softmax",
        "thresholds": {"liver": 0.5},
        "postprocess": {},
        "evaluation": [],
        "limits": "Not for <patients>.",
    }


@pytest.fixture
def a_scan(a_slicer: Any) -> Any:
    """A small oblique CT node in the scene."""
    return make_scan("Scan")


def make_scan(name: str, dtype: type = np.int16) -> Any:
    import slicer
    import vtk

    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = AXES, ORIGIN
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(affine.ravel().tolist())
    array = np.random.default_rng(3).integers(-1000, 1000, SHAPE_KJI).astype(dtype)
    return slicer.util.addVolumeFromArray(array, ijkToRAS=matrix, name=name)


@pytest.fixture
def a_transform(a_slicer: Any) -> Any:
    """A turn by 90 degrees about S and a shift."""
    import slicer
    import vtk

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Turn")
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy([0, -1, 0, 7, 1, 0, 0, -3, 0, 0, 1, 11, 0, 0, 0, 1])
    node.SetMatrixTransformToParent(matrix)
    return node


@pytest.fixture
def a_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PythonSlicer that, like the real one, stays between Slicer and the interpreter."""
    import os

    folder = tmp_path / "bin"
    folder.mkdir()
    launcher = folder / "PythonSlicer"
    launcher.write_text(f'#!/bin/sh\n"{sys.executable}" "$@"\nexit $?\n', "utf-8")
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return launcher


@pytest.fixture
def a_logic(a_slicer: Any, a_card: Any, a_launcher: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module's logic with the fake worker."""
    monkeypatch.syspath_prepend(str(MODULE.parent))
    from AtlasTumorSegLib.Logic import AtlasTumorSegLogic

    logic = AtlasTumorSegLogic()
    logic.workerCommand = [str(FAKE_WORKER)]
    yield logic
    logic.cancel()


@pytest.fixture
def a_panel(load_module: Any, a_card: Any, a_launcher: Path) -> Any:
    """The module as the user meets it, opened, with the fake worker and nothing to install."""
    module = load_module(MODULE)
    representation = module.widgetRepresentation()
    widget = representation.self()
    widget.logic.workerCommand = [str(FAKE_WORKER)]
    from AtlasTumorSlicer.Install import Installer

    widget.installer = Installer(packages=())
    representation.enter()
    return SimpleNamespace(widget=widget, ui=widget.ui, logic=widget.logic, module=module)


@pytest.fixture
def a_cohort(a_panel: Any, tmp_path: Path) -> Any:
    """The panel with the tab open, four scans and a folder chosen."""
    from Slicer.cohort_scans import write_scans

    scans = write_scans(tmp_path / "scans", "alpha", "bad", "flaky", "zeta")
    a_panel.ui.taskTabWidget.currentIndex = 1
    a_panel.cohort = a_panel.widget._cohort
    a_panel.cohort.choices.inputs.addPaths([str(scans)])
    a_panel.folder = tmp_path / "out"
    a_panel.ui.cohortFolderPathLineEdit.currentPath = str(a_panel.folder)
    return a_panel


@pytest.fixture(scope="session")
def a_cohort_on_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the fake worker leaves of four scans, two of which failed."""
    from Slicer.cohort_scans import leave_results

    return leave_results(tmp_path_factory.mktemp("cohort-on-disk"), FAKE_WORKER)


@pytest.fixture
def a_done_cohort(
    a_panel: Any, a_cohort_on_disk: Path, tmp_path: Path, wait_for: Callable[..., None]
) -> Any:
    """The panel with a copy of that folder chosen: two cases are done, two have failed."""
    a_panel.folder = Path(shutil.copytree(a_cohort_on_disk, tmp_path / "out"))
    a_panel.cohort = a_panel.widget._cohort
    a_panel.cohort.choices.inputs.addPaths([str(a_cohort_on_disk.parent / "scans")])
    a_panel.ui.taskTabWidget.currentIndex = 1
    a_panel.ui.cohortFolderPathLineEdit.currentPath = str(a_panel.folder)
    wait_for(lambda: not a_panel.cohort.isListing)
    return a_panel


@pytest.fixture(scope="session")
def a_measured_cohort(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A cohort of small cases, measured once by the real command."""
    from atlastumor.cli import main
    from Slicer.froc_cohort import write_cohort

    folder = tmp_path_factory.mktemp("cohort")
    folders = write_cohort(folder)
    results = folder / "results"
    words = ["froc", str(folders.predictions), str(folders.references), "-o", str(results)]
    assert main([*words, "--no-figures", "--workers", "1", "--bootstrap", "100"]) == 0
    return SimpleNamespace(
        predictions=folders.predictions, references=folders.references, results=results
    )


@pytest.fixture
def a_froc_panel(load_module: Any, a_launcher: Path) -> Any:
    """AtlasFROC as the user meets it, opened, with the fake worker and nothing to install."""
    module = load_module(FROC / "AtlasFROC.py")
    representation = module.widgetRepresentation()
    widget = representation.self()
    widget.logic.workerCommand = [str(FROC / "AtlasFROCLib" / "FakeWorker.py")]
    from AtlasTumorSlicer.Install import Installer

    widget.installer = widget.review.installer = Installer(packages=())
    representation.enter()
    return SimpleNamespace(
        widget=widget, ui=widget.ui, logic=widget.logic, module=module, panel=representation
    )


@pytest.fixture
def a_body(a_slicer: Any) -> Any:
    """A made-up scan with its organs as nodes."""
    from Slicer.synth_case import make_nodes

    return make_nodes()


@pytest.fixture
def a_synth_logic(
    a_slicer: Any, a_launcher: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """The logic of AtlasTumorSynth with the real worker."""
    monkeypatch.syspath_prepend(str(SYNTH))
    from AtlasTumorSynthLib.Logic import AtlasTumorSynthLogic

    logic = AtlasTumorSynthLogic()
    yield logic
    logic.close()


@pytest.fixture
def a_synth_panel(load_module: Any, a_launcher: Path, a_body: Any) -> Any:
    """AtlasTumorSynth as the user meets it, opened, with the real worker, on a made-up scan."""
    from AtlasTumorSlicer.Install import Installer

    module = load_module(SYNTH / "AtlasTumorSynth.py")
    representation = module.widgetRepresentation()
    widget = representation.self()
    widget.installer = Installer(packages=())
    representation.enter()
    widget.ui.organsSelector.setCurrentNode(a_body.organs)
    widget.ui.diameterSlider.value = 16.0
    return SimpleNamespace(
        widget=widget, ui=widget.ui, logic=widget.logic, panel=representation, **vars(a_body)
    )


@pytest.fixture
def settle(a_synth_panel: Any, wait_for: Callable[..., None]) -> Callable[[], None]:
    """Wait until AtlasTumorSynth's sliders rest and nothing is under way."""

    def wait() -> None:
        widget, logic = a_synth_panel.widget, a_synth_panel.logic
        wait_for(lambda: not widget._patience.isActive() and not logic.isBusy)

    return wait


@pytest.fixture
def an_open_cohort(a_froc_panel: Any, a_measured_cohort: Any) -> Any:
    """The panel of AtlasFROC with the measured cohort opened."""
    ui = a_froc_panel.ui
    for name in ("predictions", "references", "results"):
        line = getattr(ui, f"{name}PathLineEdit")
        line.currentPath = str(getattr(a_measured_cohort, name))
    ui.openButton.click()
    assert a_froc_panel.logic.cohort is not None
    return a_froc_panel


@pytest.fixture
def wait_for(a_slicer: Any) -> Callable[..., None]:
    """Let the windows live until something holds."""

    def wait(condition: Callable[[], object], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            a_slicer.application.processEvents()
            time.sleep(0.01)

    return wait
