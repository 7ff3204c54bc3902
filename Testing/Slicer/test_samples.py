"""The phantom in Slicer's Sample Data module."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from atlastumor.errors import InputError

_FAKE = """
import argparse, json, pathlib
import numpy as np, SimpleITK as sitk
parser = argparse.ArgumentParser()
from atlastumor.cli import phantom
sub = phantom.add_parser(parser.add_subparsers(required=True))
sub.add_argument("--json-progress", action="store_true", required=True)
import sys
options = parser.parse_args(sys.argv[3:])
if {fails}:
    event = dict(event="error", kind="InputError", message="No room.", exit_code=3)
    print(json.dumps(event))
    sys.exit(3)
print(json.dumps(dict(event="progress", fraction=0.5, stage="Painting", seconds_left=1)))
options.output.mkdir()
image = sitk.GetImageFromArray(np.full((3, 4, 5), options.seed % 100, np.int16))
image.SetSpacing((1, 2, 3))
path = options.output / "ct.nii.gz"
sitk.WriteImage(image, str(path))
print(json.dumps(dict(event="result", directory=str(options.output), files=[str(path)])))
"""


@pytest.fixture
def a_source(a_panel: Any) -> Any:
    """The entry as Sample Data lists it after startup."""
    import SampleData

    (source,) = SampleData.SampleDataLogic.sampleDataSourcesByCategory("AtlasTumor")
    return source


def _answer(launcher: Path, *, fails: bool = False) -> None:
    script = launcher.with_name("fake.py")
    script.write_text(_FAKE.format(fails=fails), "utf-8")
    launcher.write_text(f'#!/bin/sh\n"{sys.executable}" "{script}" "$@"\nexit $?\n', "utf-8")


def test_the_entry_has_a_picture_and_needs_no_network(a_source: Any) -> None:
    assert a_source.sampleName == "AtlasTumorPhantom"
    assert Path(a_source.thumbnailFileName).is_file()
    assert not any(uri.startswith("http") for uri in a_source.uris)


def test_pressing_the_entry_loads_a_scan_made_here(a_source: Any, a_launcher: Path) -> None:
    import slicer

    _answer(a_launcher)

    node = a_source.customDownloader(a_source)

    assert node.GetName() == "AtlasTumorPhantom"
    assert node.GetSpacing() == pytest.approx((1, 2, 3))
    assert node.GetStorageNode() is None  # its file is gone; saving the scene writes a new one
    assert not [p for p in Path(slicer.app.temporaryPath).iterdir() if "AtlasTumor" in p.name]


def test_a_failure_is_shown_and_raised_to_scripts(
    a_source: Any, a_slicer: Any, a_launcher: Path
) -> None:
    from AtlasTumorSegLib.Samples import makePhantom

    _answer(a_launcher, fails=True)

    assert a_source.customDownloader(a_source) is None
    assert [dialog.text for dialog in a_slicer.user.seen] == ["No room."]
    with pytest.raises(InputError, match="No room"):
        makePhantom(7)


@pytest.mark.slow
def test_the_real_worker_makes_a_phantom_and_segments_it(
    a_slicer: Any, load_module: Any, a_launcher: Path
) -> None:
    import slicer

    from atlastumor.models.card import CARDS_DIR

    weights = [*CARDS_DIR.glob("*.safetensors")]
    if not weights:
        pytest.skip("the embedded model is not in this checkout")
    module = Path(__file__).resolve().parents[2] / "AtlasTumorSeg" / "AtlasTumorSeg.py"
    logic = load_module(module).widgetRepresentation().self().logic
    from AtlasTumorSegLib.Samples import makePhantom

    scan = makePhantom()
    node = logic.segment(scan, organs=["liver"], device="cpu")

    segmentation = node.GetSegmentation()
    assert segmentation.GetSegment(segmentation.GetNthSegmentID(0)).GetName() == "Liver"
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentation.GetNthSegmentID(0), scan)
    assert array.shape == slicer.util.arrayFromVolume(scan).shape
    assert array.any()
