"""Small phantoms as files, for measurements of many cases."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib

from atlastumor.phantom import HELD_OUT_SEED, PhantomOptions, make_phantom

_DIFFERENT = 8


def write_phantoms(folder: Path, n_cases: int) -> list[Path]:
    """Write phantoms on a coarse grid; after eight different ones the same bytes come again.

    Args:
        folder: Where to; it is there.
        n_cases: How many files.

    Returns:
        The files.
    """
    paths = [folder / f"case{n:03d}.nii.gz" for n in range(n_cases)]
    options = PhantomOptions(in_plane_mm=5.0, slice_mm=10.0)
    for n, path in enumerate(paths):
        if n < _DIFFERENT:
            scan = make_phantom(HELD_OUT_SEED + n, options=options).scan
            nib.save(nib.Nifti1Image(scan.array, scan.grid.affine), path)
        else:
            path.write_bytes(paths[n % _DIFFERENT].read_bytes())
    return paths
