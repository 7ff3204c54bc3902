"""The method "diffusion": a small diffusion model that comes with this software."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ...components import Mask
from ...organs import find_organ
from ..base import AbstractMethod, OnStep, choose_processor, ignore_step
from ..densities import FLUID_HU, choose_contrast, measure_density
from ..patch import Patch
from ..request import TumorRequest
from ..shape_types import Shape
from .card import DEFAULT_PAINTER
from .window import Window

if TYPE_CHECKING:
    from .painter import Painter

__all__ = ["DiffusionMethod"]

Floats = npt.NDArray[np.float32]


class DiffusionMethod(AbstractMethod):
    """Paints by diffusion inpainting, with weights that were trained by this repository.

    The network sees the tumor and its surroundings in a cube that scales with the tumor, relative
    to the organ's density; what it draws is how densities differ from their mean. It learned from
    tumors of the digital phantom: cores, rims, necrosis, patchy tissue.

    Source:
        Chen et al., Towards Generalizable Tumor Synthesis, CVPR 2024, for diffusion inpainting of
        tumors. Differs: voxels instead of a latent, a size relative to the tumor's, the contrast
        asked for.
    """

    name: ClassVar[str] = "diffusion"
    title: ClassVar[str] = "Diffusion"
    runs_network: ClassVar[bool] = True

    def __init__(
        self, models_dir: Path | None = None, *, device: str = "auto", card: Path = DEFAULT_PAINTER
    ) -> None:
        """Get ready; nothing is read before the first tumor, and then kept.

        Args:
            models_dir: Where weights lie, beside the card's own folder.
            device: Where the network runs: "auto", "cpu", "cuda" or "cuda:N".
            card: Which model.
        """
        self._models_dir, self._device, self._card = models_dir, device, card
        self._kept: Painter | None = None

    def paint(
        self,
        patch: Patch,
        shape: Shape,
        request: TumorRequest,
        rng: np.random.Generator,
        *,
        on_step: OnStep = ignore_step,
    ) -> Floats:
        """Paint as `AbstractMethod.paint` says; the mean over the shape is the contrast asked for.

        A tumor that is denser than water on average is so everywhere.

        Args:
            patch: The scan around a tumor, (I, J, K), any spacing and axes.
            shape: Which of its voxels the tumor fills.
            request: Says the organ and the contrast.
            rng: Seeds all noise.
            on_step: Called before every step of the sampling.

        Returns:
            HU, (I, J, K), which count inside the shape.

        Raises:
            InputError: If the organ has no tissue here.
            WeightsError: If the weights are missing or altered.
            DependencyError: If torch is not installed.
            DeviceError: If there is no such device.
            Cancelled: If `on_step` says so.
        """
        on_step(0.0)
        organ = find_organ(request.organ)
        density = measure_density(patch, organ)
        contrast = choose_contrast(request, organ, density, rng)
        seed = int(rng.integers(2**63))
        texture = self._draw(patch, shape.mask, (density, contrast), seed, on_step)
        painted = np.full(patch.shape, density, np.float32)
        painted[shape.mask] = density + contrast + _hold(texture, density + contrast - FLUID_HU)
        return painted

    def _draw(
        self, patch: Patch, mask: Mask, densities: tuple[float, float], seed: int, on_step: OnStep
    ) -> Floats:
        """Texture of mean 0 at every voxel of the mask, HU."""
        painter = self._find_painter()
        import torch  # noqa: PLC0415 - takes seconds, and other methods do without

        from .conditioning import SIDE, SPAN  # noqa: PLC0415 - as torch

        box = ndimage.find_objects(mask.astype(np.uint8))[0]
        longest_mm = max(
            (side.stop - side.start) * mm for side, mm in zip(box, patch.spacing_mm, strict=True)
        )
        center = [(side.start + side.stop - 1) / 2 for side in box]
        window = Window.around(patch, side=SIDE, voxel_mm=longest_mm / SPAN, center=center)
        seen = window.cut_mask(mask)
        cube = painter.draw_texture(
            torch.from_numpy(window.cut(patch.hu)),
            torch.from_numpy(seen.astype(np.float32)),
            organ_hu=densities[0],
            contrast_hu=densities[1],
            seed=seed,
            on_step=on_step,
        )
        texture = window.sample(_extend(cube.numpy(), seen), mask)
        centered: Floats = texture - texture.mean()
        return centered

    def _find_painter(self) -> Painter:
        """The model, read if this was not done yet."""
        if self._kept is None:
            device = choose_processor(self.name, self._device)
            from .painter import load_painter  # noqa: PLC0415 - pulls in torch

            self._kept = load_painter(self._card, models_dir=self._models_dir, device=device)
        return self._kept


def _extend(cube: Floats, mask: Mask) -> Floats:
    """Continue a texture beyond its mask with that of the nearest voxel; 0 without any."""
    if not mask.any():
        return np.zeros_like(cube)
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    result: Floats = cube[tuple(nearest)]
    return result


def _hold(texture: Floats, room_hu: float) -> Floats:
    """Weaken a texture of mean 0, (n,), so that it falls by no more than `room_hu`, if above 0."""
    deepest = -float(texture.min())
    if deepest <= room_hu or room_hu <= 0:
        return texture
    return texture * np.float32(room_hu / deepest)
