"""FreeTumor: tumors painted by an adversarially trained generator, with its published checkpoint.

Written from the papers and the layout of that file. `generator` needs torch; what is imported here
does not.
"""

from __future__ import annotations

from .method import FreeTumorMethod

__all__ = ["FreeTumorMethod"]
