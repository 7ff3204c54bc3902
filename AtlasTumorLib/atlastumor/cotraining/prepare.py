"""The cache: every scan once on the network's grid, found again by what it was made of.

    KEY/hu.npy      densities, HU, clipped as the network wants them, (I, J, K) int16
    KEY/labels.npy  AbdomenAtlas 2.0 numbers, `UNKNOWN` where a tumor's organ is not known, uint8
    KEY/case.json   grid, lesions, places in each organ

Files are mapped into memory and read where a patch lies, so that a cohort never has to fit. A
folder is there whole or not at all. Its key is a hash of the files, of what their values mean, of
what was annotated and of the network's input.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..batch.cases import Problem
from ..collections import UNKNOWN, CollectionCase
from ..collections.load import load_case
from ..components import has_label
from ..errors import AtlasTumorError, InputError, OutOfMemoryError, OutputError
from ..inference.orientation import find_orientation, orient
from ..inference.preprocess import NetworkInput, preprocess
from ..lesions import measure_lesions
from ..models.specs import InputSpec
from ..models.weights import hash_file
from ..organs import ORGANS
from ..volume import Grid, LabelMap

__all__ = ["CachedCase", "cached_spec", "find_key", "prepare_cases"]

_log = logging.getLogger(__name__)

_LAYOUT = 1
_N_PLACES = 64
_LEAST_ORGAN_ML = 3.0  # less is a sliver at the scan's face
_DAMAGE = (OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError)
"""What reading a file may raise that was cut off or overwritten."""

Voxel = tuple[int, int, int]


@dataclass(frozen=True)
class CachedCase:
    """A case in the cache.

    Args:
        id: The case's.
        folder: Where it lies.
        affine: Of its grid, voxels to RAS mm, (4, 4) as nested tuples.
        organs: Keys of the organs that are outlined.
        tumors: Keys of the organs whose tumors are outlined.
        lesions: (organ, largest diameter in mm, a voxel in it) of each real tumor that counts.
        places: For each organ that is outlined and in view, some of its voxels.
        healthy: Keys of the organs that are outlined, in view and known to have no tumor.
    """

    id: str
    folder: Path
    affine: tuple[tuple[float, ...], ...]
    organs: frozenset[str]
    tumors: frozenset[str]
    lesions: tuple[tuple[str, float, Voxel], ...]
    places: dict[str, tuple[Voxel, ...]]
    healthy: tuple[str, ...]

    def open(self) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.uint8]]:
        """Map densities and labels into memory, (I, J, K) each."""
        hu = np.load(self.folder / "hu.npy", mmap_mode="r", allow_pickle=False)
        labels = np.load(self.folder / "labels.npy", mmap_mode="r", allow_pickle=False)
        return hu, labels


def cached_spec(spec: InputSpec) -> InputSpec:
    """Give what is done to a scan before it is cached: all of its preparation but the scaling.

    Args:
        spec: What the network wants.

    Returns:
        The same without normalization, which is left for the patch.

    Raises:
        InputError: If the network's scale depends on the whole scan.
    """
    if spec.normalize.endswith("_image"):
        msg = (
            f"The input's scaling '{spec.normalize}' depends on the whole scan and cannot be "
            "trained on patches. Choose unit, symmetric, sigmoid or zscore."
        )
        raise InputError(msg)
    clip = None if spec.normalize == "sigmoid" else spec.clip_hu
    return replace(spec, normalize="none", clip_hu=clip)


def find_key(case: CollectionCase, spec: InputSpec) -> str:
    """Name a case's folder in the cache.

    Args:
        case: The case; its files are hashed.
        spec: What the network wants.

    Returns:
        A hash, hex.

    Raises:
        InputError: If a file is missing or cannot be read.
    """
    record: dict[str, Any] = {
        "layout": _LAYOUT,
        "spec": asdict(cached_spec(spec)),
        "scan": _hash(case.scan),
        "labels": [[_hash(one.path), sorted(one.values.items())] for one in case.labels],
        "annotated": [sorted(case.annotated.organs), sorted(case.annotated.tumors)],
    }
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:32]


def _hash(path: Path) -> str:
    """Hash a file, or all files of a folder."""
    try:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        digests = [hash_file(file) for file in files]
    except OSError as error:
        msg = f"{path.name} cannot be read: {error.strerror}. Check the cohort's paths."
        raise InputError(msg) from error
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def prepare_cases(
    cases: Iterable[CollectionCase], spec: InputSpec, cache: Path, *, workers: int = 1
) -> Iterator[CachedCase | Problem]:
    """Cache the cases that are not cached yet.

    Args:
        cases: The cohort's.
        spec: What the network wants.
        cache: The folder; made if need be.
        workers: Processes that work at once; each holds one scan.

    Yields:
        For each case in order the cached case, or why it cannot be used.

    Raises:
        OutputError: If the cache cannot be written to.
        OutOfMemoryError: If a worker process dies.
    """
    cases = list(cases)
    if workers <= 1:
        yield from (_prepare(case, spec, cache) for case in cases)
        return
    try:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            yield from pool.map(_prepare, cases, [spec] * len(cases), [cache] * len(cases))
    except BrokenProcessPool as error:
        msg = (
            "A process that prepares scans died, most likely for want of memory. Set `workers` "
            "lower; call it again to go on."
        )
        raise OutOfMemoryError(msg) from error


def _prepare(case: CollectionCase, spec: InputSpec, cache: Path) -> CachedCase | Problem:
    try:
        folder = cache / find_key(case, spec)
        found = _find(case, folder)
        if found is None:
            _write(case, spec, folder)
            found = _read(case, folder)
        return found
    except OutputError:
        raise
    except AtlasTumorError as error:
        return Problem(case.id, str(error))


def _write(case: CollectionCase, spec: InputSpec, folder: Path) -> None:
    scan, labels = load_case(case)
    prepared = preprocess(scan, cached_spec(spec))
    del scan
    hu = np.clip(np.rint(prepared.array.numpy()), -32768, 32767).astype(np.int16)
    values = _to_network(labels, prepared, spec)
    record = _describe(case, LabelMap(values, prepared.grid, labels.names))
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        np.save(part / "hu.npy", hu)
        np.save(part / "labels.npy", values)
        (part / "case.json").write_text(json.dumps(record), encoding="utf-8")
        part.rename(folder)
    except OSError as error:
        if not folder.is_dir():  # else another process was faster, with the same bytes
            raise _explain(folder, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _explain(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        f"The cache '{folder.parent}' cannot be written: {error.strerror or error}. Make room on "
        "the disk or name another folder."
    )


def _to_network(labels: LabelMap, prepared: NetworkInput, spec: InputSpec) -> npt.NDArray[np.uint8]:
    """Take the nearest label for each voxel of the network's grid, (I, J, K)."""
    turned = orient(labels.array, find_orientation(labels.grid, spec.orientation))[prepared.box]
    source, grid = prepared.source_grid, prepared.grid
    chain = np.linalg.inv(source.affine) @ grid.affine
    nearest = [
        np.clip(np.rint(np.arange(n) * chain[a, a] + chain[a, 3]), 0, m - 1).astype(np.int64)
        for a, (n, m) in enumerate(zip(grid.shape, source.shape, strict=True))
    ]
    return np.ascontiguousarray(turned[np.ix_(*nearest)])


def _describe(case: CollectionCase, labels: LabelMap) -> dict[str, Any]:
    """Find what patches can be centered on."""
    organs, tumors = case.annotated.organs, case.annotated.tumors
    rows = [organ for organ in ORGANS if organ.key in organs]
    found = measure_lesions(
        labels,
        organs=[organ for organ in ORGANS if organ.key in tumors],
        score_of=lambda _organ, _box, _mask: 0.0,
    ).lesions
    places: dict[str, list[list[int]]] = {}
    healthy: list[str] = []
    ill = {lesion.organ for lesion in found}
    unclear = bool((labels.array == UNKNOWN).any())
    for organ in rows:
        voxels = np.argwhere(has_label(labels.array, organ.labels))
        if len(voxels) * labels.grid.voxel_ml < _LEAST_ORGAN_ML:
            continue
        rng = np.random.default_rng(organ.label)
        chosen = rng.choice(len(voxels), min(_N_PLACES, len(voxels)), replace=False)
        places[organ.key] = voxels[np.sort(chosen)].tolist()
        if organ.key in tumors and organ.key not in ill and not unclear:
            healthy.append(organ.key)
    return {
        "affine": labels.grid.affine.tolist(),
        "lesions": [[x.organ, x.diameter_mm, _voxel(labels.grid, x.point_ras)] for x in found],
        "places": places,
        "healthy": healthy,
    }


def _voxel(grid: Grid, point_ras: tuple[float, float, float]) -> list[int]:
    return [round(float(x)) for x in grid.to_ijk(point_ras)]


def _find(case: CollectionCase, folder: Path) -> CachedCase | None:
    """Read what is in the cache; what a crash or a disk has damaged is removed, to be made anew."""
    if not folder.is_dir():
        return None
    try:
        return _read(case, folder)
    except _DAMAGE as error:
        _log.warning("A cached case is damaged and made anew.")
        _log.debug("Case %s: %s", case.id, error)
    away = folder.with_name(f".{folder.name}.{os.getpid()}.damaged")
    try:
        folder.rename(away)  # at once, so that no other process finds half of it
    except OSError as error:
        if folder.is_dir():  # else another process was faster
            raise _explain(folder, error) from error
    shutil.rmtree(away, ignore_errors=True)
    return None


def _read(case: CollectionCase, folder: Path) -> CachedCase:
    record = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    found = CachedCase(
        case.id,
        folder,
        tuple(tuple(row) for row in record["affine"]),
        case.annotated.organs,
        case.annotated.tumors,
        tuple((key, mm, (v[0], v[1], v[2])) for key, mm, v in record["lesions"]),
        {key: tuple((i, j, k) for i, j, k in at) for key, at in record["places"].items()},
        tuple(record["healthy"]),
    )
    hu, labels = found.open()
    if hu.ndim != 3 or hu.shape != labels.shape:
        msg = f"the densities are {hu.shape} and the labels {labels.shape}"
        raise ValueError(msg)
    return found
