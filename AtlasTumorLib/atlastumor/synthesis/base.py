"""What a synthesis method is: it says how dense every voxel of a tumor is to be.

Where the tumor is, how its border, its noise and its surroundings look is not the method's to
decide: shapes and compositing are shared by all methods.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import DependencyError
from ..models import catalog
from .patch import Patch
from .request import TumorRequest
from .shape_types import Shape

__all__ = ["AbstractMethod", "OnStep", "choose_processor", "ignore_step", "list_organs"]

OnStep = Callable[[float], None]
"""Called before each step of long work with the fraction done, in [0, 1]; may raise to stop it."""


def ignore_step(_fraction: float) -> None:
    """Take a step's word and do nothing."""


def choose_processor(method: str, device: str) -> str:
    """Choose where the network of a method runs.

    Args:
        method: Its name.
        device: "auto" (a GPU that works, else the CPU), "cpu", "cuda" or "cuda:N".

    Returns:
        The device as torch knows it.

    Raises:
        DependencyError: If torch is not installed.
        DeviceError: If there is no such device or it does not work.
    """
    try:
        importlib.import_module("torch")
    except ImportError as error:
        msg = f"The method '{method}' needs the package torch; install it with pip."
        raise DependencyError(msg) from error
    from ..inference.device import choose_device  # noqa: PLC0415 - methods without networks do not

    return choose_device(device).name


def list_organs(method: str) -> tuple[str, ...]:
    """List the organs that the files which others published for a method know.

    Args:
        method: Its name.

    Returns:
        Their keys; empty for a method that needs no such files and paints in every organ.
    """
    own = (one for one in catalog.list_published() if one.method == method)
    return tuple(dict.fromkeys(key for one in own for key in one.organs))


class AbstractMethod(ABC):
    """Paints the inside of a tumor.

    Attributes:
        name: Key in `METHODS`.
        title: Shown to people.
        runs_network: Whether `paint` runs a network. Such a method is made with the folder in
            which weights lie, or None, and with the device on which it runs.
        needs_weights: Whether the weights do not come with this software.
        reach_mm: How far around the tumor's center it looks; a patch reaches at least that far.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    runs_network: ClassVar[bool] = False
    needs_weights: ClassVar[bool] = False
    reach_mm: ClassVar[float] = 0.0

    @abstractmethod
    def paint(
        self,
        patch: Patch,
        shape: Shape,
        request: TumorRequest,
        rng: np.random.Generator,
        *,
        on_step: OnStep = ignore_step,
    ) -> npt.NDArray[np.float32]:
        """Say how dense the tumor is.

        Args:
            patch: The scan around the tumor; never written to.
            shape: Which of its voxels the tumor fills.
            request: What the tumor is to be like.
            rng: The only source of randomness.
            on_step: Called at least once, and before each step of a method that takes several.

        Returns:
            HU of the tumor, (I, J, K) of the patch, which count inside the shape alone. The scan's
            noise need not be in them: compositing adds what is missing.

        Raises:
            AtlasTumorError: If the method cannot paint this tumor, lacks its weights, or `on_step`
                was told to cancel.
        """
