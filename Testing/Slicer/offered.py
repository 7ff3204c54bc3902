"""What the tests' server offers: one file for tumors above 20 mm, and one that nobody can check."""

from __future__ import annotations

import math

from atlastumor.models.published import PublishedFile
from Backend.models.shelf import offer

__all__ = ["offered"]


def offered(address: str) -> tuple[PublishedFile, ...]:
    """List them."""
    return (
        offer(address, diameters_mm=(20.0, math.inf)),
        offer(address, name="early.pt", sha256="", diameters_mm=(0.0, 20.0)),
    )
