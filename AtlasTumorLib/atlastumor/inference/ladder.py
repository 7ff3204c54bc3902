"""What to do when memory runs out: the next smaller setting, and a sentence about it.

The ladder never changes the device. A network that does not fit on the GPU at its smallest is an
error that says so, and going on with the CPU is the user's word to give.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from ..errors import OutOfMemoryError
from .device import Device
from .memory import is_out_of_memory

__all__ = ["Setting", "climb_down", "describe_step", "rungs"]

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
Patch = tuple[int, int, int]

_SMALLEST_SIDE = 48


@dataclass(frozen=True)
class Setting:
    """In what portions a run works.

    Args:
        batch: Windows that the network sees at once.
        patch: Window size, (I, J, K) voxels. A smaller one shows the network less context, so the
            result changes slightly; all else leaves it the same up to rounding.
        resample_on: "device" or "cpu": where resampling, sums and upsampling happen.
        accumulate: Type of the sums of overlapping windows, "float32" or "float16".
    """

    batch: int
    patch: Patch
    resample_on: str = "device"
    accumulate: str = "float32"


def rungs(
    device: Device, *, batch: int, patch: Patch, multiple: Patch, sums: str = "float32"
) -> list[Setting]:
    """List the settings from the fastest to the smallest.

    Args:
        device: Where the network runs.
        batch: Windows at once to start with.
        patch: The card's window size.
        multiple: What the network's windows must be multiples of.
        sums: In what the model adds up, as its card says: "float32" or "float16".

    Returns:
        Each setting differs from the one before it in one thing.
    """
    setting = Setting(batch, patch, accumulate=sums)
    ladder = [setting]
    while setting.batch > 1:
        setting = replace(setting, batch=setting.batch // 2)
        ladder.append(setting)
    if device.kind == "cuda":
        setting = replace(setting, resample_on="cpu")
        ladder.append(setting)
    if sums != "float16":
        setting = replace(setting, accumulate="float16")
        ladder.append(setting)
    ladder.extend(replace(setting, patch=smaller) for smaller in _shrink(patch, multiple))
    return ladder


def _shrink(patch: Patch, multiple: Patch) -> Iterator[Patch]:
    """Give smaller patches: three quarters and a half, as far as the network can take them."""
    before = patch
    for share in (0.75, 0.5):
        i, j, k = (
            min(n, max(int(n * share) // m * m, 2 * m, -(-_SMALLEST_SIDE // m) * m))
            for n, m in zip(patch, multiple, strict=True)
        )
        if (i, j, k) != before:
            before = (i, j, k)
            yield before


def climb_down(
    run: Callable[[Setting], Result],
    settings: Iterable[Setting],
    log: Callable[[str], None],
    *,
    device: Device,
) -> Result:
    """Run with the first setting that fits into memory.

    Args:
        run: The work; it starts afresh for every setting.
        settings: From the fastest to the smallest, as of `rungs`; at least one.
        log: Told a sentence for every step down, for the result's record.
        device: Where the network runs, for the last word.

    Returns:
        What `run` returned.

    Raises:
        OutOfMemoryError: If no setting fits; says what to do.
    """
    before: Setting | None = None
    for setting in settings:
        if before is not None:
            sentence = describe_step(before, setting)
            logger.info("%s", sentence)
            log(sentence)
        done, result = _attempt(run, setting)
        if done:
            return result[0]
        _free_memory()  # only now is the failed run's last frame gone, with the tensors it held
        before = setting
    raise OutOfMemoryError(_say_last_word(device))


def _attempt(run: Callable[[Setting], Result], setting: Setting) -> tuple[bool, tuple[Result, ...]]:
    """Run once; (False, ()) if memory ran out."""
    try:
        return True, (run(setting),)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        logger.debug("Out of memory with %s: %s", setting, error)
        return False, ()


def describe_step(before: Setting, after: Setting) -> str:
    """Say which step was taken, for the result's record.

    Args:
        before: The setting that did not fit.
        after: The next one.

    Returns:
        One sentence.
    """
    if after.batch != before.batch:
        change = f"{after.batch} windows at once instead of {before.batch}"
    elif after.resample_on != before.resample_on:
        change = "resampling and sums on the CPU instead of the GPU"
    elif after.accumulate != before.accumulate:
        change = "half-precision sums of the windows"
    else:
        size = " x ".join(map(str, after.patch))
        change = f"smaller windows of {size} voxels, which changes the result slightly"
    return f"Memory ran out; went on with {change}."


def _free_memory() -> None:
    """Let go of what the failed run left behind, on the host and on the GPU."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _say_last_word(device: Device) -> str:
    if device.kind == "cuda":
        return (
            f"The scan does not fit into the memory of {device.description}, even in the smallest "
            "portions. Close other programs that use the GPU, or choose the CPU, which is slower."
        )
    return (
        "The scan does not fit into this computer's memory, even in the smallest portions. "
        "Close other programs, or crop the scan to the abdomen."
    )
