"""What every worker process of an evaluation holds: one network on one core."""

from __future__ import annotations

from functools import cache

from ..inference.engine import Segmenter

__all__ = ["segmenter_of"]


@cache
def segmenter_of(model: str, precision: str = "auto") -> Segmenter:
    """Load a model once per process; as many processes as cores run side by side.

    Args:
        model: Model id.
        precision: In which it runs.

    Returns:
        A segmenter on the CPU that uses one thread.
    """
    import torch  # noqa: PLC0415 - only in workers

    torch.set_num_threads(1)
    return Segmenter(model, device="cpu", precision=precision)
