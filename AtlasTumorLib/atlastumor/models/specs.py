"""What a model card says, as frozen types. `card.py` reads and checks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = [
    "InferenceSpec",
    "InputSpec",
    "ModelCard",
    "NetworkRef",
    "OutputSpec",
    "PostprocessSpec",
    "QuantizationSpec",
    "WeightsRef",
]


@dataclass(frozen=True)
class WeightsRef:
    """Which file holds the weights.

    Args:
        sha256: Hash of the whole file, hex.
        bytes: Its size.
        file: Its plain name, in the card's own folder; else `url` is set.
        url: Where it is published.
    """

    sha256: str
    bytes: int
    file: str | None = None
    url: str | None = None

    @property
    def name(self) -> str:
        """The plain file name, wherever the file lies."""
        return self.file or (self.url or "").rsplit("/", 1)[-1]


@dataclass(frozen=True)
class NetworkRef:
    """Which network, and how it is built.

    Args:
        name: A key of `networks.NETWORKS`.
        args: Its builder's arguments, as JSON.
    """

    name: str
    args: Mapping[str, Any]


@dataclass(frozen=True)
class InputSpec:
    """What the network wants to see.

    Args:
        orientation: Axis directions of its arrays, such as "RAS"; "stored" leaves the scan's axes
            as its file has them.
        spacing_mm: Voxel size along (i, j, k), mm.
        clip_hu: (low, high); values outside are set to these before normalizing. None clips
            nothing.
        normalize: "unit" maps clip_hu to [0, 1], "symmetric" to [-1, 1]; "sigmoid" is the sigmoid
            of "symmetric", unclipped; "zscore" is (value - mean) / std; "zscore_image" takes the
            image's own mean and deviation, "minmax_image" maps its range to [0, 1]; "none".
        resample_order: 1 linear or 3 cubic.
        mean: HU, for "zscore".
        std: HU, for "zscore".
        antialias: Average densities over a network voxel before clipping, so that the noise of a
            finer scan does not fold back; else interpolate as `resample` says.
        resample: "nnunet" normalizes and then resamples to a lattice of the same extent; "monai"
            resamples to a lattice that begins at the scan's first voxel and then normalizes.
        crop_zeros: Look only at the box around what is not exactly 0 HU, as nnU-Net does.
    """

    orientation: str
    spacing_mm: tuple[float, float, float]
    clip_hu: tuple[float, float] | None
    normalize: str
    resample_order: int
    mean: float | None = None
    std: float | None = None
    antialias: bool = False
    resample: str = "nnunet"
    crop_zeros: bool = False


@dataclass(frozen=True)
class InferenceSpec:
    """How windows are laid, and how their answers come back to the scan.

    Args:
        patch: Window size, (I, J, K) voxels of the network's grid.
        overlap: Share of a window that the next one covers again, in [0, 0.9].
        mirror_axes: Axes along which mirrored passes may be averaged.
        windows: "even" spreads them from edge to edge (nnU-Net), "stepped" keeps one step and
            moves the last one back (MONAI).
        blend: How voxels of a window count: "gaussian" (nnU-Net's), "gaussian_monai", "constant".
        padding: Value around a scan smaller than a window, after normalizing; None takes -1 for
            "symmetric", else 0.
        skip_air: Leave out windows without any of the patient.
        restore: What is interpolated at the scan's voxels: "logits" (nnU-Net), "probabilities", or
            "labels", which takes the nearest.
        sums: In what windows are added up: "float32", or "float16" as nnU-Net does, which keeps no
            digits of what counts least, at the edges of a scan.
    """

    patch: tuple[int, int, int]
    overlap: float = 0.5
    mirror_axes: tuple[int, ...] = ()
    windows: str = "even"
    blend: str = "gaussian"
    padding: float | None = None
    skip_air: bool = True
    restore: str = "logits"
    sums: str = "float32"


@dataclass(frozen=True)
class OutputSpec:
    """What one channel means.

    Args:
        channel: Its number, from 0.
        kind: "background", "organ", "tumor", "lesion" for a tumor of any organ, which recipes find
            within outlines, or "other" for what nobody asked for, which competes with the rest but
            is never reported.
        organ: Key of the organ, for "organ" and "tumor".
        side: "left" or "right" for one half of a paired organ.
    """

    channel: int
    kind: str
    organ: str | None = None
    side: str | None = None


@dataclass(frozen=True)
class PostprocessSpec:
    """What happens to the labels afterwards.

    Args:
        min_lesion_ml: Smaller lesions are dropped, mL.
        organ_margin_mm: Tumors further from their organ are dropped; None keeps all.
        largest_component: Organs of which only the largest part is kept.
        outline: Probability in (0, 1) from which voxels belong to a lesion, which then counts if
            its mean reaches the organ's threshold; None lets the threshold decide each voxel.
        min_fill: By organ key, least share in [0, 1] that a lesion fills of the ball around its
            longest diameter; what is flatter or longer is dropped. Absent keeps all.
    """

    min_lesion_ml: float = 0.0
    organ_margin_mm: float | None = None
    largest_component: tuple[str, ...] = ()
    outline: float | None = None
    min_fill: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class QuantizationSpec:
    """How layers are counted in 8 bits, for `--precision int8`.

    Args:
        ranges: (low, high) of what goes into a convolution, by the name of its weights; what lies
            outside is clipped, and convolutions that are not named stay in floating point.
        data: What they were measured on, in words.
        preferred: Whether "auto" takes int8 where that is faster: on CPUs that multiply 8-bit
            integers but not bfloat16. For models whose answers in int8 were found to be as good.
    """

    ranges: Mapping[str, tuple[float, float]]
    data: str
    preferred: bool = False


@dataclass(frozen=True)
class ModelCard:
    """One model. Sections are described by their own classes.

    Args:
        schema: Version of the card format.
        id: Stable name, such as "atlastumor-phantom-v0".
        title: Shown to people.
        version: Of the weights.
        summary: One paragraph for people.
        license: SPDX name or plain words, of the weights.
        source: Paper, doi, repository and the like.
        weights: Which file.
        network: Which network.
        input: What it wants to see.
        inference: How windows are laid.
        outputs: One per channel, in channel order.
        activation: "softmax" (channels exclude one another), "sigmoid" (each for itself, tumors
            before organs), or "regions" (each for itself, the last that passes wins, as nnU-Net).
        thresholds: Least tumor probability by organ key; None or absent lets arg-max decide.
        postprocess: What happens to the labels afterwards.
        evaluation: What was measured, on what; empty means not validated.
        limits: What the model must not be used for, shown to the user.
        quantization: How layers are counted in 8 bits; None if that was not measured.
        path: Where the card was read from; its weights lie beside it.
    """

    schema: int
    id: str
    title: str
    version: str
    summary: str
    license: str
    source: Mapping[str, str]
    weights: WeightsRef
    network: NetworkRef
    input: InputSpec
    inference: InferenceSpec
    outputs: tuple[OutputSpec, ...]
    activation: str
    thresholds: Mapping[str, float | None]
    postprocess: PostprocessSpec
    evaluation: tuple[Mapping[str, Any], ...]
    limits: str
    quantization: QuantizationSpec | None = None
    path: Path | None = field(default=None, compare=False)
