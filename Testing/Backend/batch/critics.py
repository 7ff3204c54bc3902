"""Critics for tests: as quick as a formula, and with something to say."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from atlastumor.organs import find_organ, select_organs
from atlastumor.volume import LabelMap, Scan

DARK_HU, LIGHT_HU = (-5.0, 88.0), (88.0, 140.0)


@dataclass
class ContrastCritic:
    """Calls smoothed tissue a tumor where its density lies between fat's and the liver's.

    Asked for all organs, it calls everything as dense as the liver liver.
    """

    asked: list[tuple[str, ...]] = field(default_factory=list)

    def segment(self, scan: Scan, *, organs: list[str] | None = None, **_: object) -> Answer:
        self.asked.append(tuple(organs or ()))
        smooth = ndimage.gaussian_filter(scan.array.astype(np.float32), 1.0)
        array = np.zeros(scan.grid.shape, np.uint8)
        if organs is None or len(organs) > 1:
            array[(smooth > LIGHT_HU[0]) & (smooth < LIGHT_HU[1])] = find_organ("liver").label
        for organ in select_organs(organs if organs is not None else ["liver"]):
            array[(smooth > DARK_HU[0]) & (smooth < DARK_HU[1])] = organ.tumor_label
        return Answer(LabelMap(array, scan.grid, {}))


@dataclass(frozen=True, eq=False)
class Answer:
    """What a critic answers."""

    labels: LabelMap


@dataclass
class Unpleased:
    """Finds nothing."""

    def segment(self, scan: Scan, **_: object) -> Answer:
        return Answer(LabelMap(np.zeros(scan.grid.shape, np.uint8), scan.grid, {}))


@dataclass
class Pleased:
    """Finds a tumor of the organ everywhere; breaks off when it was asked often enough."""

    limit: int | None = None
    n_asked: int = 0

    def segment(self, scan: Scan, *, organs: list[str], **_: object) -> Answer:
        self.n_asked += 1
        if self.limit is not None and self.n_asked > self.limit:
            msg = "killed"
            raise KeyboardInterrupt(msg)
        array = np.full(scan.grid.shape, find_organ(organs[0]).tumor_label, np.uint8)
        return Answer(LabelMap(array, scan.grid, {}))
