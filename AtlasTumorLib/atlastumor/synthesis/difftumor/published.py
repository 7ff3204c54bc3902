"""Which of the diffusion models that DiffTumor's authors published is for a tumor."""

from __future__ import annotations

from ...errors import InputError
from ...models import catalog
from ...models.published import PublishedFile
from ...organs import find_organ
from ..base import list_organs

__all__ = ["find_published"]

_METHOD = "difftumor"


def find_published(organ: str, diameter_mm: float) -> PublishedFile:
    """Find the checkpoint for a tumor.

    Args:
        organ: Key of its organ.
        diameter_mm: Diameter of the ball of equal volume, mm.

    Returns:
        The organ's "early" model up to 20 mm (a radius of 10 mm in the paper), else its "noearly"
        one.

    Raises:
        InputError: If the authors published none for the organ.
    """
    for published in catalog.list_needed(_METHOD, organ, diameter_mm):
        if organ in published.organs:
            return published
    there = ", ".join(find_organ(key).name.lower() for key in list_organs(_METHOD))
    msg = (
        f"DiffTumor has no model of the {find_organ(organ).name.lower()}; it has models of: "
        f"{there}. Choose another method for this organ."
    )
    raise InputError(msg)
