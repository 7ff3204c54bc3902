"""The cases of `make bench-journey`: phantoms and shared scans, as the real command segments them.

What is there already is not made again, so that a journey that was broken off goes on.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from atlastumor.cli import main as run_command
from atlastumor.evaluation.scans import ReferencePath, list_references, read_reference
from atlastumor.models.card import DEFAULT_MODEL, find_card
from atlastumor.phantom import make_phantom
from atlastumor.results.nifti import write_labels
from atlastumor.results.phantom import write_phantom
from atlastumor.scans import read_scan

ENDING = ".nii.gz"
WITH_TUMORS = "msd"
"""The collection whose references outline tumors too."""
RECORD = "result.json"


def prepare_phantom(seed: int, folder: Path) -> str:
    """Make a phantom, with its truth as the reference; gives the case's name."""
    name = f"phantom-{seed}"
    reference = folder / "references" / name
    if not (reference / RECORD).exists():
        write_phantom(make_phantom(seed), reference)
    link(reference / f"ct{ENDING}", folder / "scans" / f"{name}{ENDING}")
    return name


def prepare_scans(shared: Path, folder: Path) -> list[str]:
    """Take the shared scans that have a reference of tumors, or of organs; gives their names."""
    names = []
    for one in list_references(shared):
        link(one.scan, folder / "scans" / one.scan.name)
        if one.collection == WITH_TUMORS:
            write_reference(one, folder / "references" / one.name)
        names.append(one.name)
    return names


def write_reference(one: ReferencePath, folder: Path) -> None:
    """Translate a Decathlon mask into a label map of ours."""
    target = folder / f"labels{ENDING}"
    if target.exists():
        return
    scan = read_scan(one.scan)
    labels = read_reference(one.labels, scan, one.collection, one.organs)
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"part{ENDING}"
    write_labels(beside, labels, record={"software": "AtlasTumor", "version": "benchmark"})
    beside.rename(target)


def link(source: Path, target: Path) -> None:
    """Let a scan be found where the panel looks for it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_symlink():
        target.symlink_to(source.resolve())


def segment(scan: Path, folder: Path, words: Iterable[str] = ()) -> float | None:
    """Run `atlastumor segment` unless its result is there; gives the seconds it took."""
    if weights_of(folder) == find_card(DEFAULT_MODEL).weights.sha256:
        return None
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    order = ["segment", str(scan), "-o", str(folder), "--probabilities", "--no-report", *words]
    if run_command(order):
        raise RuntimeError(f"atlastumor segment failed on {scan.name}")
    return time.monotonic() - started


def weights_of(folder: Path) -> str:
    """Hash of the weights that a result was made with; empty without a result."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    return str(record["provenance"]["weights_sha256"])
