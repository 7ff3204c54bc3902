"""Every threshold of a probability map at once."""

from __future__ import annotations

from .case_sweep import CaseSweep, SweepOptions

__all__ = ["CaseSweep", "SweepOptions"]
