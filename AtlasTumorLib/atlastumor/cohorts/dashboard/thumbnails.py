"""Small pictures of the cases with the largest lesions, a bounded number of bounded size."""

from __future__ import annotations

import base64
import io
from pathlib import Path

__all__ = ["embed_thumbnail"]

_WIDTH = 640
_MOST_BYTES = 20_000_000
_MOST_PIXELS = 50_000_000
_QUALITY = 82


def embed_thumbnail(picture: Path) -> str:
    """Shrink a picture for a page.

    Args:
        picture: The `overview.png` of a case.

    Returns:
        An `img` element that holds it; empty if the case has no such picture.
    """
    from PIL import Image

    try:
        if picture.stat().st_size > _MOST_BYTES:
            return ""
        with Image.open(picture, formats=["PNG"]) as image:
            if image.width * image.height > _MOST_PIXELS:
                return ""
            image.thumbnail((_WIDTH, _WIDTH))
            width, height = image.size
            packed = io.BytesIO()
            image.convert("RGB").save(packed, "JPEG", quality=_QUALITY, optimize=True)
    except (OSError, ValueError, SyntaxError):  # Pillow's word for damaged pictures
        return ""
    data = base64.b64encode(packed.getvalue()).decode()
    size = f'width="{width}" height="{height}"'
    return f'<img src="data:image/jpeg;base64,{data}" {size} alt="Overview">'
