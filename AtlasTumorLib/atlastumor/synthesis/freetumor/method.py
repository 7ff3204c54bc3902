"""The method "freetumor": a generator, trained against a critic, darkens the scan.

Source:
    Wu et al., FreeTumor, arXiv 2406.01264 and 2502.18519. Differs: the shape and the soft border
    are this software's; the channel of the tumor's own organ is taken, where the authors' code
    takes the first for every organ.
"""

from __future__ import annotations

from functools import cached_property
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ...errors import InputError, OutOfMemoryError
from ...models import catalog
from ...models.published import PublishedFile, find_file
from ...organs import find_organ
from ..base import AbstractMethod, OnStep, choose_processor, ignore_step
from ..diffusion.window import Window
from ..patch import Patch
from ..request import TumorRequest
from ..shape_types import Shape
from ..texture import draw_texture

if TYPE_CHECKING:
    from .generator import Generator

__all__ = ["FreeTumorMethod", "find_published"]

Floats = npt.NDArray[np.float32]

_SIDE = 96  # voxels: what the generator was trained on
_VOXEL_MM = 1.5
_WINDOW_HU = (-175.0, 250.0)
_SMOOTH = 1.0  # voxels, of the darkening
_SMOOTH_REACH = 3


class FreeTumorMethod(AbstractMethod):
    """Paints by the generator of FreeTumor, with the weights that its authors published.

    Of the scan it sees densities from -175 to 250 HU at 1.5 mm in a cube of 144 mm; patches should
    reach that far (`reach_mm`). A tumor's contrast is the generator's choice.
    """

    name: ClassVar[str] = "freetumor"
    title: ClassVar[str] = "Adversarial (FreeTumor)"
    runs_network: ClassVar[bool] = True
    needs_weights: ClassVar[bool] = True
    reach_mm: ClassVar[float] = _SIDE * _VOXEL_MM / 2 + 1

    def __init__(
        self,
        models_dir: Path | None = None,
        *,
        device: str = "auto",
        generator: Generator | None = None,
        side: int = _SIDE,
    ) -> None:
        """Get ready; nothing is read before the first tumor, and then kept.

        Args:
            models_dir: Where the published file lies.
            device: Where the generator runs: "auto", "cpu", "cuda" or "cuda:N".
            generator: One already loaded.
            side: Side of the cube that it sees, voxels of 1.5 mm, a multiple of 8; training only
                ever used 96.
        """
        self._models_dir, self._device, self._side = models_dir, device, side
        self._kept = generator

    def paint(
        self,
        patch: Patch,
        shape: Shape,
        request: TumorRequest,
        rng: np.random.Generator,
        *,
        on_step: OnStep = ignore_step,
    ) -> Floats:
        """Paint as `AbstractMethod.paint` says; outside the shape are the scan's own densities.

        Args:
            patch: The scan around a tumor, (I, J, K), any spacing and axes.
            shape: Which of its voxels the tumor fills.
            request: Its organ chooses the generator's channel.
            rng: Draws the texture.
            on_step: Called before the network runs and after.

        Returns:
            HU, (I, J, K).

        Raises:
            InputError: If a contrast is asked for, or the generator does not know the organ.
            PlacementError: If the tumor is larger than the cube.
            WeightsError: If the file is missing, broken or altered; says what to fetch.
            DependencyError: If torch is not installed.
            DeviceError: If there is no such device, or it lacks memory.
            Cancelled: If `on_step` says so.
        """
        channel = _check(request)
        window = Window.around(patch, side=self._side, voxel_mm=_VOXEL_MM)
        window.check(shape.mask)
        on_step(0.0)
        darkening = self._generate(window.cut(patch.hu), channel)
        on_step(0.9)
        low, high = _WINDOW_HU
        texture = draw_texture(patch.shape, patch.spacing_mm, rng)[shape.mask]
        painted = patch.hu.astype(np.float32)
        painted[shape.mask] -= (high - low) * texture * window.sample(darkening, shape.mask)
        return painted

    def _generate(self, hu: Floats, channel: int) -> Floats:
        """How much a cube is to be darkened, in [-1, 1] of the window, smoothed."""
        generator = self._find_generator()
        import torch  # noqa: PLC0415 - takes seconds, and other methods do without

        low, high = _WINDOW_HU
        seen = torch.from_numpy((hu - low) / (high - low)).clamp(0, 1)[None, None]
        try:
            with torch.inference_mode():
                made = torch.tanh(generator(seen.to(self._processor)))[0, channel].cpu().numpy()
        except torch.OutOfMemoryError as error:
            msg = f"The memory of {self._processor} does not suffice for FreeTumor; use cpu."
            raise OutOfMemoryError(msg) from error
        darkening: Floats = ndimage.gaussian_filter(
            made, _SMOOTH, radius=_SMOOTH_REACH, mode="constant"
        )
        return darkening

    def _find_generator(self) -> Generator:
        """The generator, read if this was not done yet."""
        if self._kept is None:
            path = find_file(find_published(), self._models_dir)
            device = self._processor
            from .generator import load_generator  # noqa: PLC0415 - pulls in torch

            self._kept = load_generator(path).to(device)
        return self._kept

    @cached_property
    def _processor(self) -> str:
        return choose_processor(self.name, self._device)


def find_published() -> PublishedFile:
    """Say which file its authors published."""
    (published,) = catalog.list_needed(FreeTumorMethod.name, "", inf)
    return published


def _check(request: TumorRequest) -> int:
    """Channel of a tumor's organ; raise for what the generator cannot do."""
    if request.contrast_hu is not None:
        msg = (
            "FreeTumor chooses a tumor's contrast itself; leave out the "
            f"{request.contrast_hu:g} HU asked for, or choose another method."
        )
        raise InputError(msg)
    organs = find_published().organs
    if request.organ not in organs:
        there = ", ".join(find_organ(key).name.lower() for key in organs)
        msg = (
            f"FreeTumor does not know the {find_organ(request.organ).name.lower()}; it knows: "
            f"{there}. Choose another method for this organ."
        )
        raise InputError(msg)
    return organs.index(request.organ)
