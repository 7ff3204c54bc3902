"""What looking at a case takes, as one file: its candidates at any threshold and its lesions.

Making both takes seconds for a large scan; reading them again takes moments. So one process makes
them while another stays with the user. The file is an `.npz` of plain arrays, without pickle.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .reference import ReferenceLesions
from .sweep_files import DAMAGE, pack_lesions, unpack_lesions
from .tree import CandidateTree

__all__ = ["load_view", "save_view"]

_CRUMB = "crumb_"


def save_view(path: Path, tree: CandidateTree, lesions: ReferenceLesions) -> None:
    """Write tree and lesions; for another process of the same version, not for keeping.

    Args:
        path: The file.
        tree: Of the map.
        lesions: Of the reference on the same grid.

    Raises:
        OSError: If it cannot be written.
    """
    arrays = tree.to_arrays() | pack_lesions(lesions.lesions)
    arrays |= {f"{_CRUMB}{name}": one for name, one in pack_lesions(lesions.crumbs).items()}
    arrays |= {"parts": lesions.parts, "offset": np.array(lesions.offset)}
    arrays |= {"shape": np.array(lesions.shape), "spacing_mm": np.array(lesions.spacing_mm)}
    arrays["n_ignored"] = np.array(lesions.n_ignored)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_view(path: Path) -> tuple[CandidateTree, ReferenceLesions]:
    """Read what `save_view` wrote.

    Args:
        path: The file.

    Returns:
        Tree and lesions, equal in every number.

    Raises:
        InputError: If it cannot be read, or is no such file.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return CandidateTree.from_arrays(arrays), _unpack(arrays)
    except DAMAGE as error:
        msg = f"{path.name} holds no case that this version can show. Open the case again."
        raise InputError(msg) from error


def _unpack(arrays: Mapping[str, npt.NDArray[Any]]) -> ReferenceLesions:
    offset, shape = arrays["offset"].tolist(), arrays["shape"].tolist()
    spacing = arrays["spacing_mm"].tolist()
    crumbs = {
        name.removeprefix(_CRUMB): one for name, one in arrays.items() if name.startswith(_CRUMB)
    }
    return ReferenceLesions(
        lesions=unpack_lesions(arrays),
        parts=arrays["parts"],
        offset=(offset[0], offset[1], offset[2]),
        shape=(shape[0], shape[1], shape[2]),
        spacing_mm=(spacing[0], spacing[1], spacing[2]),
        crumbs=unpack_lesions(crumbs),
        n_ignored=int(arrays["n_ignored"]),
    )
