"""The candidates of a scan, made from its probability maps as the review's basis says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..batch.cases import Case
from ..batch.laying import lay_on_grid
from ..batch.layouts import list_places, predicted_organs
from ..batch.reading import read_probability
from ..detection.operating_point import OperatingPoint
from ..detection.tree import Candidates, CandidateTree
from ..errors import InputError
from ..organs import KEYS
from ..volume import Grid
from .entries import Basis, make_basis
from .outlines import Outline
from .queue import Item, make_items
from .state import ScanState

__all__ = ["ScanCandidates", "basis_from_points", "find_scans", "read_candidates"]


@dataclass(frozen=True, eq=False)
class ScanCandidates:
    """What there is to decide about one scan.

    Args:
        name: The case's name.
        grid: Of its maps.
        candidates: By organ key, in table order.
        missing: Organs of the review that this case has no prediction of.
    """

    name: str
    grid: Grid
    candidates: Mapping[str, Candidates]
    missing: tuple[str, ...] = ()

    def items(self, state: ScanState | None = None) -> tuple[Item, ...]:
        """Give the candidates in the order in which they are read.

        Args:
            state: Adds the tumors that readers added.

        Returns:
            As `make_items`.
        """
        found = {organ: one.candidates for organ, one in self.candidates.items()}
        return make_items(found, state)

    def outline_of(self, item: Item) -> Outline:
        """Give the voxels of a candidate as the model outlined it.

        Args:
            item: One of `items`, and not an added tumor.

        Returns:
            Its outline, in its own bounding box.
        """
        found = self.candidates[item.organ]
        candidate = next(one for one in found.candidates if one.index == item.index)
        i, j, k = (
            slice(part.start - whole.start, part.stop - whole.start)
            for part, whole in zip(candidate.box, found.box, strict=True)
        )
        mask: npt.NDArray[np.bool_] = found.labels[i, j, k] == candidate.index
        return Outline(candidate.box, mask, self.grid)


def find_scans(predictions: Path) -> dict[str, Path]:
    """List the scans of a folder of predictions; no references are needed.

    Args:
        predictions: As `atlastumor segment --probabilities` fills it, case by case.

    Returns:
        Folder or label map of each case, by name.

    Raises:
        InputError: If it holds none, or one of them twice.
    """
    places = list_places(predictions)
    for name, paths in places.items():
        if len(paths) > 1:
            names = " and ".join(path.name for path in paths)
            msg = f"The case '{name}' is there more than once, as {names}; keep one."
            raise InputError(msg)
    return {name: paths[0] for name, paths in places.items()}


def basis_from_points(points: Mapping[str, OperatingPoint], cases: Mapping[str, Path]) -> Basis:
    """Describe a review at operating points.

    Args:
        points: By organ key; all of one model and one smallest candidate.
        cases: From `find_scans`.

    Returns:
        The basis.

    Raises:
        InputError: If there is none, or they do not belong together.
    """
    same = {(one.model_id, one.weights_sha256, one.min_volume_mm3) for one in points.values()}
    if len(same) != 1:
        n_models = len({key[:2] for key in same})
        differ = "model" if n_models > 1 else "their least volume"
        what = f"The operating points differ in {differ}" if same else "There is no operating point"
        msg = (
            f"{what}; a review needs one for each organ, all of one model and least volume. "
            "Choose another file."
        )
        raise InputError(msg)
    model_id, weights, min_volume = same.pop()
    return make_basis(
        cases,
        model_id=model_id,
        weights_sha256=weights,
        thresholds={organ: point.threshold for organ, point in points.items()},
        min_volume_mm3=min_volume,
    )


def read_candidates(name: str, place: Path, basis: Basis) -> ScanCandidates:
    """Read a scan's maps and find its candidates.

    Args:
        name: The case's name.
        place: Its folder or label map.
        basis: Says which organs, from which probability on, and how small.

    Returns:
        The candidates.

    Raises:
        InputError: If a map cannot be read, or no organ of the review is predicted.
    """
    case = Case(name, place, place)
    predicted = predicted_organs(place)[1]
    wanted = [organ for organ in KEYS if organ in basis.thresholds]
    candidates: dict[str, Candidates] = {}
    grid: Grid | None = None
    for organ in wanted:
        if organ not in predicted:
            continue
        probability, own = read_probability(case, organ)
        if grid is not None:
            names = (f"The map of {organ}", "the maps before it")
            probability = lay_on_grid(probability, own, grid, names)
        grid = grid or own
        threshold = basis.thresholds[organ]
        tree = CandidateTree.of(probability, grid.spacing_mm, floor=threshold)
        candidates[organ] = tree.candidates(threshold, min_volume_mm3=basis.min_volume_mm3)
    if grid is None:
        msg = f"It has no prediction of {', '.join(wanted)} tumors; add their maps."
        raise InputError(msg)
    missing = tuple(organ for organ in wanted if organ not in candidates)
    return ScanCandidates(name, grid, candidates, missing)
