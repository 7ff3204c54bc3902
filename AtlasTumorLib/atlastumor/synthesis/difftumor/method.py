"""The method "difftumor": a diffusion model paints the tumor, given the scan around it.

Torch and the networks are imported when the first tumor is painted, not before.

Source:
    Chen et al., Towards Generalizable Tumor Synthesis, CVPR 2024. Differs: the decoded cube counts
    inside the tumor alone for every organ, where the authors' code keeps it whole for some.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from ...components import Mask
from ...errors import InputError, OutOfMemoryError
from ...models.published import find_file
from ..base import AbstractMethod, OnStep, choose_processor, ignore_step
from ..diffusion.window import Window
from ..patch import Patch
from ..request import TumorRequest
from ..shape_types import Shape
from .published import find_published

if TYPE_CHECKING:
    from .state import Models

__all__ = ["DiffTumorMethod"]

Floats = npt.NDArray[np.float32]
_SIDE = 96  # mm and voxels: what the networks were trained on


class DiffTumorMethod(AbstractMethod):
    """Paints by diffusion inpainting, with the weights that DiffTumor's authors published.

    Of the scan it sees densities from -175 to 250 HU at 1 mm in a cube of 96 mm; patches should
    reach that far (`reach_mm`). A tumor's contrast is the model's choice. One CPU core takes about
    8 s for an early tumor and 45 s for a larger one, in 1 GiB.
    """

    name: ClassVar[str] = "difftumor"
    title: ClassVar[str] = "Diffusion (DiffTumor)"
    runs_network: ClassVar[bool] = True
    needs_weights: ClassVar[bool] = True
    reach_mm: ClassVar[float] = _SIDE / 2 + 1

    def __init__(
        self,
        models_dir: Path | None = None,
        *,
        models: Models | None = None,
        device: str = "auto",
        side: int = _SIDE,
    ) -> None:
        """Get ready; nothing is read before the first tumor.

        Args:
            models_dir: Where the published files lie. The right one is chosen by organ and size,
                and kept in memory until another is needed.
            models: A model already loaded (`load_models`), to be used for every organ and size;
                outside its own organ that is an experiment.
            device: Where the networks run: "auto", "cpu", "cuda" or "cuda:N".
            side: Side of the cube they see, mm, a multiple of 32; training only ever used 96.
        """
        self._models_dir, self._device, self._side = models_dir, device, side
        self._given = models
        self._kept: dict[Path, Models] = {}

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
            request: Its organ and size choose the model.
            rng: Seeds all noise.
            on_step: Called before every step of the sampling.

        Returns:
            HU, (I, J, K), inside the shape between -175 and 250.

        Raises:
            InputError: If a contrast is asked for, or there is no model of its organ.
            PlacementError: If the tumor is larger than the cube.
            WeightsError: If the model's file is missing, broken or altered; says what to fetch.
            DependencyError: If torch is not installed.
            OutOfMemoryError: If the device's memory does not suffice.
            Cancelled: If `on_step` says so.
        """
        if request.contrast_hu is not None:
            msg = (
                "DiffTumor chooses a tumor's contrast itself; leave out the "
                f"{request.contrast_hu:g} HU asked for, or choose another method."
            )
            raise InputError(msg)
        window = Window.around(patch, side=self._side)
        window.check(shape.mask)
        generator_seed = int(rng.integers(2**63))
        hu, mask = window.cut(patch.hu), window.cut_mask(shape.mask)
        cube = self._inpaint(hu, mask, self._find_models(request), generator_seed, on_step)
        painted = patch.hu.astype(np.float32)
        painted[shape.mask] = window.sample(cube, shape.mask)
        return painted

    def _inpaint(
        self, hu: Floats, mask: Mask, models: Models, seed: int, on_step: OnStep
    ) -> Floats:
        """Run the networks on a cube, (side, side, side)."""
        device = self._processor
        import torch  # noqa: PLC0415 - takes seconds, and other methods do without

        from .inpainting import inpaint  # noqa: PLC0415 - as torch

        generator = torch.Generator().manual_seed(seed)
        try:
            cube = inpaint(
                models,
                torch.from_numpy(hu).to(device),
                torch.from_numpy(mask.astype(np.float32)).to(device),
                generator,
                on_step=on_step,
            )
        except torch.OutOfMemoryError as error:
            msg = f"The memory of {device} does not suffice for DiffTumor; use cpu."
            raise OutOfMemoryError(msg) from error
        result: Floats = cube.cpu().numpy()
        return result

    def _find_models(self, request: TumorRequest) -> Models:
        """The model for a tumor, read if it is not the one at hand."""
        if self._given is not None:
            return self._given.to(self._processor)
        path = find_file(find_published(request.organ, request.diameter_mm), self._models_dir)
        if path not in self._kept:
            self._kept.clear()  # before the next is read: one at a time in memory
            device = self._processor
            from .state import load_models  # noqa: PLC0415 - pulls in torch

            self._kept[path] = load_models(path).to(device)
        return self._kept[path]

    @cached_property
    def _processor(self) -> str:
        return choose_processor(self.name, self._device)
