"""DiffTumor: tumors painted by latent diffusion, compatible with its published checkpoints.

Written from the paper and from the layout of those files, name by name. `autoencoder`, `attention`,
`denoiser`, `conditioning`, `inpainting` and `state` need torch; what is imported here does not.
"""

from __future__ import annotations

from ..published import PublishedFile
from .method import DiffTumorMethod
from .published import list_published

__all__ = ["DiffTumorMethod", "PublishedFile", "list_published"]
