"""Checkpoints of DiffTumor, name by name.

A diffusion file holds the twelve buffers of the schedule, `denoise_fn.*` and, under `vqgan.*`, a
copy of the autoencoder; an autoencoder file holds the latter without the prefix. Our modules are
named alike, so that names are checked and never translated. Parts that only training needs are
dropped; any other name that is missing, unknown or of another shape is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ...errors import WeightsError
from ...models.reading.checkpoints import read_tensors
from ...models.weights import save_weights
from ..diffusion.samplers import Sampler, sample_ancestral, sample_ddim
from ..diffusion.schedule import BUFFERS, Schedule, make_schedule
from .autoencoder import Autoencoder
from .denoiser import Denoiser

__all__ = ["Models", "convert_checkpoint", "find_sampler", "load_models"]

State = dict[str, torch.Tensor]

_DENOISER = "denoise_fn."
_AUTOENCODER = "vqgan."
_TRAINING_ONLY = ("image_discriminator.", "video_discriminator.", "perceptual_model.")
_ROTARY = ".rotary_emb.freqs"


@dataclass(frozen=True, eq=False)
class Models:
    """Everything that paints a tumor.

    Args:
        autoencoder: In evaluation mode.
        denoiser: In evaluation mode.
        schedule: The checkpoint's own.
        sampler: The one for this number of steps.
    """

    autoencoder: Autoencoder
    denoiser: Denoiser
    schedule: Schedule
    sampler: Sampler

    def to(self, device: str) -> Models:
        """Bring the networks to a device; the schedule, looked up number by number, stays."""
        return Models(
            self.autoencoder.to(device), self.denoiser.to(device), self.schedule, self.sampler
        )


def load_models(
    diffusion: Path,
    autoencoder: Path | None = None,
    *,
    networks: tuple[Autoencoder, Denoiser] | None = None,
) -> Models:
    """Load a published checkpoint.

    Args:
        diffusion: The diffusion model's file; "early" or "noearly" shows in its schedule.
        autoencoder: A file for the autoencoder; None takes the copy in the diffusion file.
        networks: What to fill; None builds the published sizes.

    Returns:
        Networks in evaluation mode on the CPU, float32, and the sampler that goes with them.

    Raises:
        WeightsError: If a file is missing, broken or unsafe, or is not this model to the last name.
    """
    name = Path(diffusion).name
    buffers, denoising, coding = _split(read_tensors(diffusion), name)
    source = name
    if autoencoder is not None:
        source, coding = Path(autoencoder).name, read_tensors(autoencoder)
        if any(key.startswith(_AUTOENCODER) for key in coding):
            coding = _split(coding, source)[2]
    if not coding:
        msg = f"{name} holds no autoencoder; name a file for it too."
        raise WeightsError(msg)
    schedule = _read_schedule(buffers, name)
    sampler = find_sampler(schedule.n_steps)
    coder, denoiser = networks or (Autoencoder(), Denoiser())
    kept = {key: t for key, t in coding.items() if not key.startswith(_TRAINING_ONLY)}
    _fill(coder, kept, source)
    _check_shared(denoising, name)
    _fill(denoiser, denoising, name)
    return Models(coder.eval(), denoiser.eval(), schedule, sampler)


def convert_checkpoint(
    diffusion: Path, target: Path, autoencoder: Path | None = None
) -> tuple[str, int]:
    """Write the parts of a checkpoint that are needed as one safetensors file, names unchanged.

    Args:
        diffusion: As for `load_models`.
        target: The file to write; what `load_models` reads in turn.
        autoencoder: As for `load_models`.

    Returns:
        (SHA-256 in hex, bytes) of the file.

    Raises:
        WeightsError: As of `load_models`.
    """
    models = load_models(diffusion, autoencoder)
    state = {name: getattr(models.schedule, name) for name in BUFFERS}
    for prefix, network in ((_DENOISER, models.denoiser), (_AUTOENCODER, models.autoencoder)):
        # Cloned, as the shared rotary frequencies are to be stored under each of their names.
        state |= {prefix + key: tensor.clone() for key, tensor in network.state_dict().items()}
    return save_weights(state, target)


def _split(state: Mapping[str, torch.Tensor], name: str) -> tuple[State, State, State]:
    """Part a diffusion file: schedule, denoiser, autoencoder; prefixes removed."""
    buffers: State = {}
    denoising: State = {}
    coding: State = {}
    for key, tensor in state.items():
        if key in BUFFERS:
            buffers[key] = tensor
        elif key.startswith(_DENOISER):
            denoising[key.removeprefix(_DENOISER)] = tensor
        elif key.startswith(_AUTOENCODER):
            coding[key.removeprefix(_AUTOENCODER)] = tensor
        else:
            msg = f"{name} is no diffusion model of DiffTumor: '{key}' is unknown to it."
            raise WeightsError(msg)
    return buffers, denoising, coding


def _read_schedule(buffers: Mapping[str, torch.Tensor], name: str) -> Schedule:
    """Take the schedule as it is stored, having checked that its parts belong together."""
    missing = [key for key in BUFFERS if key not in buffers]
    if missing:
        msg = f"{name} is no diffusion model of DiffTumor: '{missing[0]}' is missing."
        raise WeightsError(msg)
    tensors = {key: buffers[key].to(torch.float32).clone() for key in BUFFERS}
    betas = tensors["betas"]
    if any(tensor.shape != betas.shape for tensor in tensors.values()) or betas.ndim != 1:
        msg = f"{name}: the buffers of its schedule differ in length. Get the file again."
        raise WeightsError(msg)
    derived = make_schedule(betas)
    for key, tensor in tensors.items():
        if not torch.allclose(tensor, getattr(derived, key), rtol=1e-2, atol=1e-5):
            msg = f"{name}: '{key}' does not follow from 'betas'; the file was altered."
            raise WeightsError(msg)
    return Schedule(**tensors)


def _check_shared(state: Mapping[str, torch.Tensor], name: str) -> None:
    """Raise unless the rotary frequencies, stored once per attention, are all the same."""
    copies = [tensor for key, tensor in state.items() if key.endswith(_ROTARY)]
    if any(not torch.equal(copy, copies[0]) for copy in copies):
        msg = f"{name}: copies of one shared tensor ('{_ROTARY[1:]}') differ; the file was altered."
        raise WeightsError(msg)


def _fill(network: nn.Module, state: Mapping[str, torch.Tensor], name: str) -> None:
    """Load every tensor and no other."""
    own = network.state_dict()
    missing, spare = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    what = type(network).__name__.lower()
    if missing or spare:
        first = f"'{missing[0]}' is missing" if missing else f"'{spare[0]}' is unknown"
        msg = (
            f"{name} does not fit DiffTumor's {what}: {first} ({len(missing)} missing, "
            f"{len(spare)} unknown in all)."
        )
        raise WeightsError(msg)
    for key, tensor in state.items():
        if tensor.shape != own[key].shape:
            msg = (
                f"{name} does not fit DiffTumor's {what}: '{key}' is {tuple(tensor.shape)}, not "
                f"{tuple(own[key].shape)}."
            )
            raise WeightsError(msg)
        if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
            msg = f"{name}: '{key}' holds values that are no finite numbers. Get the file again."
            raise WeightsError(msg)
    network.load_state_dict(dict(state))


_SAMPLERS: dict[int, Sampler] = {4: sample_ancestral, 200: sample_ddim}


def find_sampler(n_steps: int) -> Sampler:
    """Find the sampler that a checkpoint was published with.

    Args:
        n_steps: T, the length of its schedule.

    Returns:
        Ancestral for 4 steps ("early"), DDIM for 200 ("noearly").

    Raises:
        WeightsError: If no checkpoint of this length was published.
    """
    if n_steps not in _SAMPLERS:
        msg = (
            f"The checkpoint has a schedule of {n_steps} steps; DiffTumor's have 4 (early tumors) "
            "or 200 (others). Use one of the published files."
        )
        raise WeightsError(msg)
    return _SAMPLERS[n_steps]
