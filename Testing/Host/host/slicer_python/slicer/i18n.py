"""Stand-in of `slicer.i18n`: no translation is installed, so texts stay as they are.

A text whose placeholders an f-string has already filled cannot be found by a translator; this
stand-in cannot see that. It refuses what is not text at all.
"""

from __future__ import annotations

__all__ = ["tr", "translate"]


def tr(text: str) -> str:
    """Give `text` in the language of the user; modules import it as `_`."""
    if not isinstance(text, str):
        raise TypeError(f"Only a str can be translated, not a {type(text).__name__}")
    return text


def translate(context: str, text: str) -> str:
    """Give `text` of the given context in the language of the user."""
    if not isinstance(context, str):
        raise TypeError(f"The context must be a str, not a {type(context).__name__}")
    return tr(text)
