"""The worker that gets a case ready to be looked at; see `CasesOpening`. Imports nothing of Slicer.

It is told in one JSON object, as a case is named by paths and these by any character:
`python CasesWorker.py '{"folder": ..., "organ": ..., "floor": ..., "minVolumeMm3": ..., ...}'`.
"""

import sys
from pathlib import Path
from typing import Any

from atlastumor.cli.console import Console
from atlastumor.cli.order import run_order

ARRAYS = ("probability.npy", "mask.npy")
"""Of nodes of the scene: (K, J, I) both."""


def prepare(order: dict[str, Any], console: Console) -> tuple[Path, list[Path]]:
    """Get a case ready; gives its folder and the files in it."""
    import numpy as np  # noqa: PLC0415 - a missing package is said in a sentence

    from atlastumor.batch.cases import Case  # noqa: PLC0415
    from atlastumor.batch.viewing import prepare_arrays, prepare_case  # noqa: PLC0415
    from atlastumor.detection.case_sweep import SweepOptions  # noqa: PLC0415
    from atlastumor.volume import Grid  # noqa: PLC0415

    folder = Path(order["folder"])
    options = SweepOptions(floor=order["floor"], min_volume_mm3=order["minVolumeMm3"])
    if "affine" in order:
        probability, mask = (np.load(folder / name).T for name in ARRAYS)
        grid = Grid(mask.shape, np.array(order["affine"]))
        prepare_arrays(probability, mask, grid, folder, options=options, progress=console.progress)
    else:
        case = Case(order["name"], Path(order["prediction"]), Path(order["reference"]))
        grid = prepare_case(
            case,
            order["organ"],
            folder,
            options=options,
            scan=Path(order["scan"]) if order["scan"] else None,
            progress=console.progress,
        )
    np.save(folder / "affine.npy", grid.affine)
    return folder, sorted(folder.iterdir())


if __name__ == "__main__":
    sys.exit(run_order(prepare))
