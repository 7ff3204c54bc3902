"""DiffTumor: tumors painted by latent diffusion, compatible with its published checkpoints.

Written from the paper and from the layout of those files, name by name. `autoencoder`, `attention`,
`denoiser`, `conditioning`, `inpainting` and `state` need torch; what is imported here does not.
"""

from __future__ import annotations

from .method import DiffTumorMethod

__all__ = ["DiffTumorMethod"]
