"""An entry in Sample Data: a digital phantom, made on this computer, with nothing to download."""

import shutil
import tempfile
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.Jobs import Job

__all__ = ["makePhantom", "registerSampleData"]

_CATEGORY = "AtlasTumor"
_NAME = "AtlasTumorPhantom"
_SCAN = "ct.nii.gz"


def registerSampleData(thumbnail: str) -> None:
    """Offer the phantom in Slicer's Sample Data module.

    Args:
        thumbnail: Path of its picture.
    """
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataCategory(_CATEGORY, title=_("AtlasTumor"))
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=_CATEGORY,
        sampleName=_NAME,
        uris="atlastumor:phantom",  # made here: `customDownloader` never looks at it
        fileNames=_SCAN,
        nodeNames=_NAME,
        thumbnailFileName=thumbnail,
        customDownloader=lambda _source: _makeShown(),
    )


def makePhantom(seed: int | None = None) -> "slicer.vtkMRMLScalarVolumeNode":
    """Make a phantom in a process of its own and load its scan; windows stay alive meanwhile.

    Args:
        seed: Decides everything about it; None takes the one of `atlastumor demo`.

    Returns:
        The scan.

    Raises:
        AtlasTumorError: What the worker reported.
    """
    from atlastumor.phantom import DEMO_SEED

    number = str(DEMO_SEED if seed is None else seed)
    folder = Path(tempfile.mkdtemp(prefix="AtlasTumor-", dir=slicer.app.temporaryPath))
    try:
        words = ["phantom", "--seed", number, "-o", str(folder / "phantom"), "--json-progress"]
        job = Job(["-m", "atlastumor", *words])
        job.progressed.connect(_showStage)
        job.start()
        files = [Path(name) for name in job.wait()["files"]]
        scan = next(path for path in files if path.name == _SCAN)
        node = slicer.util.loadVolume(str(scan), properties={"name": _NAME})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    storage = node.GetStorageNode()
    if storage is not None:
        slicer.mrmlScene.RemoveNode(storage)  # its file is gone
    return node


def _makeShown() -> "slicer.vtkMRMLScalarVolumeNode | None":
    """Make the phantom from a button, where no caller could catch an error."""
    try:
        return makePhantom()
    except Exception as error:  # noqa: BLE001 - the outermost door
        showError(error)
        return None


def _showStage(fraction: float, stage: str, _secondsLeft: float | None) -> None:
    slicer.util.showStatusMessage(
        _("AtlasTumor phantom: {stage} ({percent} %)").format(
            stage=_(stage), percent=round(100 * fraction)
        ),
        2000,
    )
