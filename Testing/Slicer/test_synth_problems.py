"""What AtlasTumorSynth says when a tumor cannot be grown: a sentence, and nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlastumor.errors import AtlasTumorError, Cancelled, InputError, PlacementError
from Slicer.synth_case import CENTERS_RAS, place, settings, voxels
from Slicer.test_module_base import let_workers_fail_at_once

LIVER = CENTERS_RAS["liver"]
MADE = ("ScalarVolume", "Segmentation", "Table")


BAD = {
    "outside the body": ({"ras": (900.0, 0.0, 0.0)}, InputError, "No organ is outlined"),
    "wrong organ": ({"organ": "pancreas"}, InputError, "lies the liver, not the pancreas"),
    "too large": ({"diameter": 150.0}, PlacementError, "largest"),
    "weights": (
        {"method": "difftumor", "autoContrast": True},
        AtlasTumorError,
        "difftumor",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_said_in_a_sentence_and_leaves_nothing(
    a_synth_logic: Any, a_body: Any, case: str
) -> None:
    import slicer

    more, kind, text = BAD[case]
    before = [slicer.mrmlScene.GetNumberOfNodesByClass(f"vtkMRML{kind}Node") for kind in MADE]
    heard: list[Exception] = []
    a_synth_logic.failed.connect(heard.append)

    with pytest.raises(kind, match=f"(?i){text}"):
        place(a_synth_logic, a_body, **more)

    assert len(heard) == 1
    after = [slicer.mrmlScene.GetNumberOfNodesByClass(f"vtkMRML{kind}Node") for kind in MADE]
    assert after == before
    assert place(a_synth_logic, a_body).preview  # and all goes on


def test_without_outlines_or_hounsfield_units_nothing_grows(
    a_synth_logic: Any, a_body: Any
) -> None:
    import slicer

    with pytest.raises(InputError, match="No segment is known to be one of these organs"):
        a_synth_logic.place(a_body.volume, None, settings(), LIVER, wait=True)
    array = slicer.util.arrayFromVolume(a_body.volume)
    array[:] = array + 2000
    with pytest.raises(InputError, match="no Hounsfield units"):
        place(a_synth_logic, a_body)
    array[:] = array - 2000
    assert place(a_synth_logic, a_body).preview


def test_a_full_disk_is_said_and_nothing_is_lost(
    a_synth_logic: Any, a_body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "save", refuse)
        with pytest.raises(AtlasTumorError, match="No space left on device"):
            place(a_synth_logic, a_body)
    import slicer

    assert not list(Path(slicer.app.temporaryPath).glob("AtlasTumorSynth-*"))
    assert place(a_synth_logic, a_body).preview


def test_cancelling_keeps_what_was_shown(a_synth_logic: Any, a_body: Any) -> None:
    place(a_synth_logic, a_body)
    shown = voxels(a_synth_logic.nodes.volumeNode)

    a_synth_logic.place(a_body.volume, a_body.organs, settings(organ="liver"), number=10)
    a_synth_logic.cancel()

    with pytest.raises(Cancelled):
        a_synth_logic.wait()
    assert np.array_equal(voxels(a_synth_logic.nodes.volumeNode), shown)
    assert len(a_synth_logic.state.preview) == 1


def test_an_interpreter_that_fails_at_once_ends_the_request(
    a_synth_logic: Any, a_body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from AtlasTumorSlicer.Errors import WorkerCrash

    let_workers_fail_at_once(monkeypatch)
    a_synth_logic.place(a_body.volume, a_body.organs, settings(organ="liver"), number=1)

    assert not a_synth_logic.isBusy
    with pytest.raises(WorkerCrash):
        a_synth_logic.wait()
