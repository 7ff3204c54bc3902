"""Names of cases: fit for a folder on every system, no two alike, the same whenever made again."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence

__all__ = ["hash_text", "make_ids", "make_safe"]

_LONGEST = 80
_HASH_CHARS = 8
# Devices on Windows, with whatever ending (learn.microsoft.com, Naming Files, Paths and
# Namespaces); and folders that `batch.layouts` takes as the inside of a case.
_RESERVED = re.compile(
    r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?|probabilities|segmentations", re.IGNORECASE
)


def hash_text(text: str, n_chars: int = _HASH_CHARS) -> str:
    """Hash a text.

    Args:
        text: Such as a UID.
        n_chars: Hex digits to keep.

    Returns:
        The beginning of its SHA-256.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:n_chars]


def make_safe(name: str) -> str:
    """Turn a name into one that every file system takes.

    Accents go, other characters than letters, digits, dot, hyphen and underscore become an
    underscore; where more than that is lost, a hash of the name is put behind it.

    Args:
        name: Any text.

    Returns:
        1 to 80 characters of ASCII, the first a letter or digit, the last no dot.
    """
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).lstrip("._-").rstrip("._")
    is_lossy = any(char.isalnum() and not char.isascii() for char in plain)
    if safe and len(safe) <= _LONGEST and not is_lossy and not _RESERVED.fullmatch(safe):
        return safe
    kept = safe[: _LONGEST - _HASH_CHARS - 1].rstrip("._-") or "case"
    kept = f"case_{kept}" if _RESERVED.fullmatch(kept) else kept
    return f"{kept}-{hash_text(name)}"


def make_ids(
    names: Sequence[Sequence[str]], files: Sequence[str], taken: Collection[str] = ()
) -> list[str]:
    """Name cases so that no two names differ in case only.

    Names that would be alike get the folders above them put before, as many as it needs; where no
    folder tells them apart, as of one scan in two formats, a hash of the file's name behind.

    Args:
        names: Of each case its own name first, then its folder's, and so on up.
        files: Of each case the name of its file.
        taken: Ids that others have.

    Returns:
        One id each, in the same order; it depends on no order.
    """
    parts = [list(own) for own in names]
    ids = [make_safe(own[0]) for own in parts]
    alike = _find_alike(ids, taken)
    keys = {n: tuple(make_safe(part).casefold() for part in parts[n]) for n in alike}
    same = Counter(keys.values())
    for n, key in keys.items():
        if same[key] > 1:
            parts[n][0] = f"{ids[n][: _LONGEST - _HASH_CHARS - 1]}-{hash_text(files[n])}"
            ids[n] = make_safe(parts[n][0])
    depth = 1
    while alike := [n for n in _find_alike(ids, taken) if depth < len(parts[n])]:
        depth += 1
        for n in alike:
            ids[n] = make_safe("_".join(reversed(parts[n][:depth])))
    for n in _find_alike(ids, taken):
        ids[n] = make_safe(f"{ids[n]}-{hash_text('/'.join([*parts[n], files[n]]))}")
    return ids


def _find_alike(ids: Sequence[str], taken: Collection[str]) -> list[int]:
    counts = Counter(name.casefold() for name in (*ids, *taken))
    return [n for n, name in enumerate(ids) if counts[name.casefold()] > 1]
