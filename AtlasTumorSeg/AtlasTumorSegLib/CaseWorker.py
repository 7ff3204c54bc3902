"""The worker that gets a case ready to be looked at; see `CaseOpening`. Imports nothing of Slicer.

It is told in one JSON object, as a case is named by paths and these by any character:
`python CaseWorker.py '{"path": ..., "series": ..., "results": ..., "folder": ...}'`.

The scan is read as it was read when it was segmented, whatever its format, and written in a form
that Slicer reads in moments. Scan and labels are turned right-handed, as Slicer turns some scans
while it reads them and the two must lie on one grid.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

from atlastumor.cli.console import Console
from atlastumor.cli.order import run_order
from atlastumor.errors import InputError

SCAN, LABELS = "scan.nrrd", "labels.nii.gz"
TABLES = ("lesions.csv", "result.json")


def prepare(order: dict[str, Any], console: Console) -> tuple[Path, list[Path]]:
    """Get a case ready; gives its folder and the files in it."""
    from atlastumor.progress import part_of  # noqa: PLC0415 - a missing package is said in a line
    from atlastumor.scans import read_scan  # noqa: PLC0415

    folder, results = Path(order["folder"]), Path(order["results"])
    progress = part_of(console.progress, 0.0, 0.7)
    scan = read_scan(Path(order["path"]), series=order["series"] or None, progress=progress)
    console.progress(0.7, "Writing the scan")
    write(folder / SCAN, scan.array, scan.grid, compress=False)
    try:
        copy_labels(results / LABELS, folder / LABELS)
        for name in TABLES:
            shutil.copyfile(results / name, folder / name)
    except (OSError, RuntimeError) as error:  # SimpleITK knows RuntimeError only
        msg = f"The results of '{results.name}' cannot be read; segment the case again."
        raise InputError(msg) from error
    return folder, sorted(folder.iterdir())


def copy_labels(source: Path, target: Path) -> None:
    """Copy a label map, right-handed."""
    import numpy as np  # noqa: PLC0415
    import SimpleITK as sitk  # noqa: PLC0415

    from atlastumor.volume import Grid  # noqa: PLC0415

    image = sitk.ReadImage(str(source))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    grid = Grid(image.GetSize(), np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)
    write(target, sitk.GetArrayFromImage(image).T, grid, compress=True)


def write(path: Path, array: Any, grid: Any, *, compress: bool) -> None:
    """Write a volume, (I, J, K), right-handed."""
    import numpy as np  # noqa: PLC0415
    import SimpleITK as sitk  # noqa: PLC0415

    from atlastumor.batch.viewing import turn_right_handed  # noqa: PLC0415

    array, grid = turn_right_handed(array, grid)
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.T))
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.affine  # RAS to LPS
    image.SetSpacing([float(x) for x in grid.spacing_mm])
    image.SetOrigin([float(x) for x in affine[:3, 3]])
    image.SetDirection((affine[:3, :3] / grid.spacing_mm).ravel().tolist())
    sitk.WriteImage(image, str(path), useCompression=compress)


if __name__ == "__main__":
    sys.exit(run_order(prepare))
