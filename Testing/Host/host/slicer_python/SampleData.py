"""Stand-in of Slicer's module SampleData: it registers sources and never downloads.

Slicer calls a `customDownloader` when its button in the panel is clicked (`host_click` here) and
never from `downloadSample`, which would fetch the address of the source; that raises here, since
the tests need no network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

__all__ = [
    "SampleDataLogic",
    "SampleDataSource",
    "downloadSample",
    "downloadSamples",
    "host_click",
]

_PER_FILE = ("fileNames", "nodeNames", "loadFiles", "loadFileTypes", "checksums")


class SampleDataSource:
    """One sample: where its files come from and how they are loaded."""

    def __init__(
        self,
        sampleName: str | None = None,
        sampleDescription: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        checksums: Any = None,
        loadFiles: Any = None,
        customDownloader: Callable[[SampleDataSource], Any] | None = None,
        thumbnailFileName: str | None = None,
        loadFileTypes: Any = None,
        loadFileProperties: dict[str, Any] | None = None,
        loadFileType: Any = None,
    ) -> None:
        """Describe a sample; the fields of the files must have one length.

        Raises:
            ValueError: If they have not.
            TypeError: If `uris` is missing. Slicer needs it even with a custom downloader.
        """
        if loadFileType is not None and loadFileTypes is not None:
            raise ValueError("loadFileType and loadFileTypes cannot be given together")
        values = [fileNames, nodeNames, loadFiles, loadFileTypes or loadFileType, checksums]
        if uris is None:
            raise TypeError("A sample data source needs uris, even with a customDownloader")
        is_single = isinstance(uris, str)
        self.uris = [uris] if is_single else list(uris)
        self.sampleName, self.customDownloader = sampleName, customDownloader
        self.sampleDescription = sampleDescription or sampleName
        self.thumbnailFileName = thumbnailFileName
        self.loadFileProperties = loadFileProperties or {}
        for field, value in zip(_PER_FILE, values, strict=True):
            default = [None] * len(self.uris) if field != "fileNames" else None
            setattr(self, field, [value] if is_single else value if value is not None else default)
        if len({len(self.uris), *(len(getattr(self, field)) for field in _PER_FILE)}) != 1:
            raise ValueError("All fields of a sample data source must have the same length")

    def __eq__(self, other: object) -> bool:
        """Whether the sources say the same."""
        return isinstance(other, SampleDataSource) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class SampleDataLogic:
    """Register and fetch samples."""

    @staticmethod
    def registerCustomSampleDataCategory(category: str, title: str) -> None:
        """Give a category its title (since Slicer 5.12)."""
        if not hasattr(slicer.modules, "sampleDataSourceCategories"):
            slicer.modules.sampleDataSourceCategories = {}
        slicer.modules.sampleDataSourceCategories.setdefault(category, {})["title"] = title

    @staticmethod
    def registerCustomSampleDataSource(category: str = "Custom", **source: Any) -> None:
        """Add a sample to a category; the same one is added once."""
        known = SampleDataLogic.sampleDataSourcesByCategory()
        made = SampleDataSource(**source)
        if made not in known.setdefault(category, []):
            known[category].append(made)

    @staticmethod
    def sampleDataSourcesByCategory(category: str | None = None) -> Any:
        """Give the samples of a category, or of all by category."""
        if not hasattr(slicer.modules, "sampleDataSources"):
            slicer.modules.sampleDataSources = {}
        known = slicer.modules.sampleDataSources
        return known if category is None else known.get(category, [])

    def sourceForSampleName(self, sampleName: str) -> SampleDataSource | None:
        """Find a sample by its name."""
        every = SampleDataLogic.sampleDataSourcesByCategory().values()
        return next((one for many in every for one in many if one.sampleName == sampleName), None)

    def downloadFromSource(self, source: SampleDataSource) -> Any:
        """Refuse: the host has no network."""
        raise RuntimeError(f"The test host does not download '{source.sampleName}'")

    def downloadSamples(self, sampleName: str) -> Any:
        """Fetch a sample by its name."""
        source = self.sourceForSampleName(sampleName)
        return self.downloadFromSource(source) if source else []

    def downloadSample(self, sampleName: str) -> Any:
        """Fetch a sample by its name and give its first node."""
        return self.downloadSamples(sampleName)[0]


def downloadSamples(sampleName: str) -> Any:
    """Fetch a sample by its name."""
    return SampleDataLogic().downloadSamples(sampleName)


def downloadSample(sampleName: str) -> Any:
    """Fetch a sample by its name and give its first node."""
    return SampleDataLogic().downloadSample(sampleName)


def host_click(sampleName: str) -> None:
    """Do what a click on the sample's button in Slicer's panel does."""
    source = SampleDataLogic().sourceForSampleName(sampleName)
    if source is None:
        raise LookupError(f"No sample is registered as '{sampleName}'")
    if source.customDownloader:
        source.customDownloader(source)
    else:
        SampleDataLogic().downloadFromSource(source)
