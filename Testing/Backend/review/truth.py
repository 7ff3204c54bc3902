"""From decisions to exported files and back to arrays."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

from atlastumor.review.export import export_review
from atlastumor.review.session import ReviewSession
from Backend.review.cohort import GRID, KEYS


def decide(session: ReviewSession, accepted: set[str]) -> None:
    """Accept some, remove the rest of the model's candidates, and finish the scan."""
    for key in KEYS:
        session.choose(key)
        session.accept() if key in accepted else session.reject()
    session.finish()
    session.leave()


def export(session: ReviewSession, predictions: Path, **options: object) -> Path:
    directory = session.folder.parent / "truth"
    report = export_review(session.folder, predictions, directory, **options)  # type: ignore[arg-type]
    assert report.written == ("case-1",), report.skipped
    return directory / "case-1"


def read(path: Path) -> np.ndarray:
    image = nibabel.load(path)
    assert np.allclose(image.affine, GRID.affine)
    return np.asarray(image.dataobj)
