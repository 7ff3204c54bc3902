"""A scan opened for one tumor after the other: methods, weights and the critic stay in memory.

What is grown is a proposal: the scan stays as it is until an edit is applied. Every request names
its seed, so that the same request in the same scan gives the same bytes again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, PlacementError
from ..organs import ORGANS, Organ
from ..progress import CancelToken, Progress, ignore_progress, part_of
from ..synthesis.base import AbstractMethod, list_organs
from ..synthesis.methods import find_method
from ..synthesis.painting import find_organ_under
from ..synthesis.request import TumorRequest
from ..synthesis.result import SynthesisResult
from ..synthesis.synthesize import synthesize
from ..volume import LabelMap, Scan
from .edits import Edit, describe_edit
from .quality import Critic, Quality, judge_tumor
from .remembering import RememberingCritic

__all__ = ["Grown", "Studio"]

_LEAST_ORGAN_ML = 3.0  # less is a sliver at the scan's face


@dataclass(frozen=True, eq=False)
class Grown:
    """A tumor that was grown.

    Args:
        result: Its measures; its scan holds all tumors that were grown together.
        edit: What it changed.
    """

    result: SynthesisResult
    edit: Edit


class Studio:
    """A scan with its organs, and the tumors proposed last.

    Args:
        scan: CT in HU, (I, J, K).
        labels: Organs and tumors on its grid.
        models_dir: Where weights lie, for methods that need them.
        make_critic: Makes the segmenter that judges; called when it is first needed.

    Attributes:
        organs: Rows of the organs in view.

    Raises:
        InputError: If no organ is in view.
    """

    def __init__(
        self,
        scan: Scan,
        labels: LabelMap,
        *,
        models_dir: Path | None = None,
        make_critic: Callable[[], Critic],
    ) -> None:
        """Copy both, so that edits can be applied."""
        self._hu, self._label_array = scan.array.copy(order="K"), labels.array.copy(order="K")
        self._scan = replace(scan, array=self._hu)
        self._labels = replace(labels, array=self._label_array)
        self.organs = _find_organs(self._labels)
        if not self.organs:
            names = ", ".join(organ.name.lower() for organ in ORGANS)
            msg = f"None of these organs is outlined in the scan: {names}. Outline one first."
            raise InputError(msg)
        self._models_dir, self._make_critic = models_dir, make_critic
        self._methods: dict[str, AbstractMethod] = {}
        self._critic: Critic | None = None
        self._requests: tuple[TumorRequest, ...] = ()
        self._grown: tuple[Grown, ...] = ()

    def complete(self, fields: Mapping[str, Any]) -> TumorRequest:
        """Make a request of one that need not say in which organ.

        Args:
            fields: Those of `TumorRequest`. An empty organ means that under the center, or without
                one that of which most was painted, or any in view that the method knows.

        Returns:
            The request.

        Raises:
            InputError: If no organ is outlined at the center or painted on, or a number is out of
                its range.
        """
        center, painting = fields.get("center_ras"), fields.get("painting")
        if not fields["organ"] and center is None and painting is not None:
            organ = find_organ_under(self._labels, painting).key
        else:
            seed, method = int(fields["seed"]), str(fields.get("method", ""))
            organ = fields["organ"] or self._choose_organ(center, seed, method).key
        center_ras = None if center is None else tuple(float(x) for x in center)
        return TumorRequest(**{**fields, "organ": organ, "center_ras": center_ras})

    def grow(
        self,
        requests: Sequence[TumorRequest],
        *,
        progress: Progress = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> tuple[Grown, ...]:
        """Propose tumors, each in the scan with those before it; the scan stays as it is.

        Args:
            requests: What they are to be like, at least one.
            progress: Told how far it is.
            cancel: Stops the work between its steps.

        Returns:
            Those for which there was room, at least one.

        Raises:
            PlacementError: If there is room for none; the reason is the first one's.
            AtlasTumorError: As `synthesize`.
        """
        self._requests, self._grown = (), ()
        scan, labels, grown = self._scan, self._labels, list[Grown]()
        failure: PlacementError | None = None
        for number, request in enumerate(requests):
            part = part_of(progress, number / len(requests), (number + 1) / len(requests))
            method = self._find_method(request.method)
            try:
                result = synthesize(
                    scan, labels, request, method=method, progress=part, cancel=cancel
                )
            except PlacementError as error:
                failure = failure or error
                continue
            grown.append(Grown(result, describe_edit(scan, labels, result)))
            scan, labels = result.scan, result.labels
        if not grown and failure is not None:
            raise failure
        # Only the last scan is kept: each one takes as much memory as the original.
        self._grown = tuple(
            replace(one, result=replace(one.result, scan=scan, labels=labels)) for one in grown
        )
        self._requests = tuple(requests)
        return self._grown

    def judge(
        self, requests: Sequence[TumorRequest], *, cancel: CancelToken | None = None
    ) -> tuple[Quality, ...]:
        """Let the critic judge tumors as a cohort's are judged.

        Those that are not the last ones grown are grown again.

        Args:
            requests: As for `grow`.
            cancel: Stops the work between its steps.

        Returns:
            What it thinks of each tumor that `grow` gives for them, the scan with those before it
            being the one without it.

        Raises:
            AtlasTumorError: As `grow` and `judge_tumor`.
        """
        if tuple(requests) != self._requests:
            self.grow(requests, cancel=cancel)
        if self._critic is None:
            self._critic = RememberingCritic(self._make_critic())
        scan, labels = self._grown[-1].result.scan, self._grown[-1].result.labels
        found: list[Quality] = []
        for number in reversed(range(len(self._grown))):  # later ones changed what is around it
            one = self._grown[number]
            before = _take_out(one.edit, scan, labels) if number else (self._scan, self._labels)
            result = replace(one.result, scan=scan, labels=labels)
            found.append(judge_tumor(self._critic, result, before=before[0], cancel=cancel))
            scan, labels = before
        return tuple(reversed(found))

    def apply(self, edit: Edit) -> None:
        """Put a tumor into the scan; later ones are grown beside it."""
        edit.apply(self._hu, self._label_array)
        self._requests = ()

    def revert(self, edit: Edit) -> None:
        """Take the tumor that was applied last out of the scan."""
        edit.revert(self._hu, self._label_array)
        self._requests = ()

    def _find_method(self, key: str) -> AbstractMethod:
        if key not in self._methods:
            self._methods[key] = find_method(key, models_dir=self._models_dir)
        return self._methods[key]

    def _choose_organ(self, center_ras: Sequence[float] | None, seed: int, method: str) -> Organ:
        """The organ at a point; without one, any in view that the method knows."""
        if center_ras is None:
            known = list_organs(method)  # if none of them is in view, the method says what it knows
            organs = [organ for organ in self.organs if organ.key in known] or self.organs
            return organs[int(np.random.default_rng(seed).integers(len(organs)))]
        label = _label_at(self._labels, center_ras)
        for organ in ORGANS:
            if label in (*organ.labels, organ.tumor_label):
                return organ
        r, a, s = center_ras
        names = ", ".join(organ.name.lower() for organ in self.organs)
        msg = f"No organ is outlined at R {r:.1f}, A {a:.1f}, S {s:.1f} mm. Click in one of these: "
        raise InputError(f"{msg}{names}.")


def _take_out(edit: Edit, scan: Scan, labels: LabelMap) -> tuple[Scan, LabelMap]:
    """Copies of scan and labels without a tumor."""
    hu, array = scan.array.copy(order="K"), labels.array.copy(order="K")
    edit.revert(hu, array)
    return replace(scan, array=hu), replace(labels, array=array)


def _label_at(labels: LabelMap, ras_mm: npt.ArrayLike) -> int:
    """The label at a point; 0 outside the scan."""
    i, j, k = (int(x) for x in np.rint(labels.grid.to_ijk(ras_mm)))
    if not all(0 <= x < n for x, n in zip((i, j, k), labels.grid.shape, strict=True)):
        return 0
    return int(labels.array[i, j, k])


def _find_organs(labels: LabelMap) -> tuple[Organ, ...]:
    counts = np.bincount(labels.array.ravel(order="K"), minlength=256)
    least = _LEAST_ORGAN_ML / labels.grid.voxel_ml
    return tuple(organ for organ in ORGANS if counts[list(organ.labels)].sum() >= least)
