"""Sweeps as files: one `.npz` of plain arrays, without pickle, with one JSON text in it."""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, OutputError
from .case_sweep import CaseSweep, SweepOptions, Touches
from .false_sizes import Spans
from .reference import ReferenceLesion

__all__ = ["DAMAGE", "load_sweep", "pack_lesions", "save_sweep", "unpack_lesions"]

DAMAGE = (
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error),
    *(AttributeError, KeyError, RuntimeError, TypeError, ValueError),
)
"""What reading an `.npz` raises that is damaged, or made for something else; RuntimeError: it wants
a password or is packed in a way that Python does not know."""

Arrays = Mapping[str, npt.NDArray[Any]]

_VERSION = 2
_COLUMNS = (
    "thresholds",
    "n_components",
    "n_false",
    "n_counted",
    "largest_ml",
    "union_iou",
    "best_iou",
    "coverage",
    "any_overlap",
    "peak",
    "center",
    "touching_voxels",
)
_PLAIN = (
    "case",
    "organ",
    "voxel_ml",
    "organ_voxels",
    "highest",
    "n_distinct",
    "n_ignored",
    "is_complete",
)
_TOUCHES = tuple(field.name for field in dataclasses.fields(Touches))
_SPANS = tuple(field.name for field in dataclasses.fields(Spans))


def save_sweep(sweep: CaseSweep, path: str | Path) -> None:
    """Write a sweep; a file of the name is replaced once the new one is whole.

    Args:
        sweep: What to write.
        path: Where to.

    Raises:
        OutputError: If it cannot be written there.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    text = {name: getattr(sweep, name) for name in _PLAIN}
    text |= {"version": _VERSION, "options": dataclasses.asdict(sweep.options)}
    arrays: dict[str, Any] = {name: getattr(sweep, name) for name in _COLUMNS}
    arrays |= {f"touches_{name}": getattr(sweep.touches, name) for name in _TOUCHES}
    arrays |= {f"spans_{name}": getattr(sweep.spans, name) for name in _SPANS}
    arrays |= pack_lesions(sweep.lesions)
    arrays["text"] = np.array(json.dumps(text))
    try:
        with beside.open("wb") as file:
            np.savez_compressed(file, **arrays)
        beside.replace(path)
    except OSError as error:
        msg = f"The sweep cannot be written to {path}: {error.strerror or error}."
        raise OutputError(msg) from error
    finally:
        beside.unlink(missing_ok=True)


def load_sweep(path: str | Path) -> CaseSweep:
    """Read a sweep that `save_sweep` wrote.

    Args:
        path: The file.

    Returns:
        The sweep, equal in every number.

    Raises:
        InputError: If it cannot be read, or is no sweep of this version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return _unpack({name: file[name] for name in file.files})
    except DAMAGE as error:
        msg = f"{path} is not a sweep that this version can read; sweep the case again."
        raise InputError(msg) from error


def _unpack(arrays: Arrays) -> CaseSweep:
    """Build a sweep from the arrays of a file; ValueError for another version's."""
    text = json.loads(str(arrays["text"]))
    if text.pop("version") != _VERSION:
        msg = "another version"
        raise ValueError(msg)
    options = SweepOptions(**text.pop("options"))
    columns: dict[str, Any] = {name: arrays[name] for name in _COLUMNS}
    return CaseSweep(
        **text,
        **columns,
        lesions=unpack_lesions(arrays),
        touches=Touches(**{name: arrays[f"touches_{name}"] for name in _TOUCHES}),
        spans=Spans(**{name: arrays[f"spans_{name}"] for name in _SPANS}),
        options=options,
    )


def pack_lesions(lesions: tuple[ReferenceLesion, ...]) -> dict[str, npt.NDArray[Any]]:
    """Turn lesions into arrays.

    Args:
        lesions: N of them, numbered from 1.

    Returns:
        By name, (N, ...) each; `unpack_lesions` is the way back.
    """
    n = len(lesions)
    boxes = [[(part.start, part.stop) for part in lesion.box] for lesion in lesions]
    return {
        "lesion_ml": np.array([lesion.volume_ml for lesion in lesions], np.float64),
        "lesion_voxels": np.array([lesion.n_voxels for lesion in lesions], np.int64),
        "lesion_centers": np.array([le.center_ijk for le in lesions], np.float64).reshape(n, 3),
        "lesion_boxes": np.array(boxes, np.int64).reshape(n, 3, 2),
    }


def unpack_lesions(arrays: Arrays) -> tuple[ReferenceLesion, ...]:
    """Make lesions of the arrays that `pack_lesions` gave.

    Args:
        arrays: Among others, those.

    Returns:
        The lesions, equal in every number.
    """
    lesions = []
    columns = (arrays[f"lesion_{name}"].tolist() for name in ("ml", "voxels", "centers", "boxes"))
    for index, (ml, n_voxels, center, box) in enumerate(zip(*columns, strict=True), start=1):
        i, j, k = (slice(first, last) for first, last in box)
        lesions.append(ReferenceLesion(index, ml, n_voxels, tuple(center), (i, j, k)))
    return tuple(lesions)
