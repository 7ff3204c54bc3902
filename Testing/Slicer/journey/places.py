"""The folders of a journey from probability maps to reviewed truth, and what is true in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from atlastumor.batch.cohort import Case, read_reference
from atlastumor.errors import InputError
from atlastumor.review import Outline


@dataclass(frozen=True)
class Places:
    """One folder, and where in it is what; `reviewed` names the predictions that are reviewed."""

    root: Path
    reviewed: str = "predictions"

    @property
    def predictions(self) -> Path:
        return self.root / "predictions"

    @property
    def references(self) -> Path:
        return self.root / "references"

    @property
    def scans(self) -> Path:
        """Of the CTs."""
        return self.root / "scans"

    @property
    def results(self) -> Path:
        """What `atlastumor froc` measured."""
        return self.root / "froc"

    @property
    def points(self) -> Path:
        return self.root / "operating-points.json"

    @property
    def segmented(self) -> Path:
        """The predictions that are reviewed."""
        return self.root / self.reviewed

    @property
    def review(self) -> Path:
        return self.root / "review"

    @property
    def truth(self) -> Path:
        return self.root / "truth"

    @property
    def pictures(self) -> Path:
        return self.root / "pictures"


@lru_cache(maxsize=8)
def tumors_of(references: Path, scan: str, organ: str) -> np.ndarray | None:
    """The tumors of the reference, (I, J, K); None where it says nothing of them."""
    place = references / scan
    try:
        return read_reference(Case(scan, place, place), organ)[0]
    except InputError:
        return None


def is_tumor(references: Path, scan: str, organ: str, outline: Outline) -> bool:
    """Whether a candidate touches a tumor; where nobody knows of any, it does not."""
    tumors = tumors_of(references, scan, organ)
    if tumors is None or tumors.shape != outline.grid.shape:
        return False
    return bool((tumors[outline.box] & outline.mask).any())
