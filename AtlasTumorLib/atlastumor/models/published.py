"""Weights that others published: where one lies on this computer, or what to do if it does not.

Such files are their authors'. None comes with this software; `fetching` gets those that can be
checked, if the user consents to their terms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ..errors import WeightsError
from .folders import default_models_dir
from .weights import hash_file

__all__ = ["PublishedFile", "find_file", "locate_file", "say_by_hand"]

_CONVERTED = ".safetensors"


@dataclass(frozen=True)
class PublishedFile:
    """One published checkpoint.

    Args:
        method: Key of the synthesis method that needs it; empty if it becomes a model.
        name: Its file name.
        url: Where its authors offer it.
        license: Under what terms, by name.
        megabytes: About how large it is; 0 where that is not known.
        sha256: Hash of its bytes, hex; empty where it is not known.
        terms: What the license forbids, in a sentence.
        domains: To which others the host of `url` may hand the request on, with their subdomains.
        organs: Keys of the organs that it is for.
        diameters_mm: Of the tumors that it is for: above the first, up to the second.
        model: Id of the model that is made of it; empty if a synthesis method needs it.
    """

    method: str
    name: str
    url: str
    license: str
    megabytes: int = 0
    sha256: str = ""
    terms: str = ""
    domains: tuple[str, ...] = ()
    organs: tuple[str, ...] = ()
    diameters_mm: tuple[float, float] = (0.0, math.inf)
    model: str = ""

    @property
    def title(self) -> str:
        """Name and size, for sentences."""
        return f"{self.name} ({self.megabytes} MB)" if self.megabytes else self.name

    def suits(self, organ: str, diameter_mm: float) -> bool:
        """Tell whether it is for a tumor; an empty organ stands for any."""
        low, high = self.diameters_mm
        return (not organ or organ in self.organs) and low < diameter_mm <= high


def locate_file(published: PublishedFile, models_dir: Path | None = None) -> Path | None:
    """Look for a checkpoint without reading it.

    Args:
        published: Which one; a file of its name that ends in ".safetensors" is taken first.
        models_dir: The user's folder, looked at before `default_models_dir`; None if there is none.

    Returns:
        The file, or None if it is in neither.
    """
    folders = [] if models_dir is None else [Path(models_dir)]
    for folder in (*folders, default_models_dir()):
        path = folder / published.name
        for found in (path.with_suffix(_CONVERTED), path):
            if found.is_file():
                return found
    return None


def find_file(published: PublishedFile, models_dir: Path | None = None) -> Path:
    """Find a checkpoint, and make sure that it is the published one.

    Args:
        published: As for `locate_file`.
        models_dir: As for `locate_file`.

    Returns:
        The file. What was converted to safetensors has other bytes, and is not hashed.

    Raises:
        WeightsError: If it is not there, saying how to get it; or if its hash is not the published
            one.
    """
    path = locate_file(published, models_dir)
    if path is not None:
        if published.sha256 and path.name == published.name:
            _check_digest(published, hash_file(path))
        return path
    if published.sha256:
        todo = (
            f"Fetch it with 'atlastumor models fetch {published.name}', which shows its license "
            "and asks first."
        )
    else:
        folder = models_dir or default_models_dir()
        command = f"atlastumor models fetch {published.name} --pin"
        todo = f"Fetch it with '{command}', or {say_by_hand(published, folder)}"
    msg = (
        f"The method '{published.method}' needs weights that do not come with this software: "
        f"{published.title}. {todo}"
    )
    raise WeightsError(msg)


def say_by_hand(published: PublishedFile, folder: Path) -> str:
    """Say what a person does where this software does not fetch a file.

    Args:
        published: Which one.
        folder: The models folder.

    Returns:
        The end of a sentence.
    """
    todo = f"put it into the models folder, '{folder}'"
    if published.model:
        todo = f"import it with 'atlastumor models import FILE --card {published.model}'"
    return f"read its license ({published.license}), download {published.url} yourself and {todo}."


def _check_digest(published: PublishedFile, digest: str) -> None:
    if digest != published.sha256:
        msg = (
            f"The weights file {published.name} is not the published one: its SHA-256 is "
            f"{digest[:12]}…, not {published.sha256[:12]}…. Get the published one with "
            f"'atlastumor models fetch {published.name}'."
        )
        raise WeightsError(msg)
