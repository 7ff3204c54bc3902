"""What a run may be asked for by name, beside "auto". Imports nothing: panels may list it."""

from __future__ import annotations

__all__ = ["BACKEND_NAMES", "PRECISIONS"]

BACKEND_NAMES = ("torch", "openvino")
"""Libraries that may run a network; each has a maker in `backends.BACKENDS`."""

PRECISIONS = ("fp32", "bf16", "fp16", "int8")
"""Number formats in which a network may run; "int8" counts its convolutions in 8 bits."""
