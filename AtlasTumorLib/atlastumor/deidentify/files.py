"""DICOM files in, de-identified files out: all of them or none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pydicom

from ..errors import AtlasTumorError, InputError, OutputError
from ..progress import Progress, ignore_progress
from ..scans.dicom_headers import find_files, lenient_pydicom
from ..scans.input_files import is_dicom, name_of, refuse, require_path
from .admission import admit
from .dataset import Deidentifier
from .options import DeidentifyOptions

__all__ = ["DeidentifiedFiles", "deidentify_file", "deidentify_files"]

_DIRECTORY = "1.2.840.10008.1.3.10"
_WANTED = "DICOM files or folders of them"


@dataclass(frozen=True)
class DeidentifiedFiles:
    """What was written.

    Args:
        files: One for each DICOM file that came, named by its new UIDs.
        notes: What the user should know, one sentence each.
    """

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def deidentify_files(
    inputs: Iterable[Path],
    output: Path,
    options: DeidentifyOptions,
    progress: Progress = ignore_progress,
) -> DeidentifiedFiles:
    """De-identify CT series and the results of this software.

    UIDs are replaced by the key, so that files refer to each other as before, also across calls:
    a result that is de-identified today belongs to the series of last week.

    Args:
        inputs: DICOM files, and folders of them; what is no DICOM in a folder is left out.
        output: Folder to be made: SERIES/INSTANCE.dcm, by their new UIDs.
        options: The key, and what is kept.
        progress: Told how far it is.

    Returns:
        What was written.

    Raises:
        InputError: If a file cannot be read or may not leave (`admit` says which); nothing is
            written then.
        OutputError: If the folder exists and is not empty, or cannot be written.
        DependencyError: If the package with the profile's table is missing.
    """
    worker = Deidentifier(options)
    paths = _list_files(inputs)
    output = _check_output(output)
    staging = Path(tempfile.mkdtemp(prefix=f".{output.name[:60]}-", dir=output.parent))
    notes: dict[str, None] = {}
    try:
        for n, path in enumerate(paths):
            progress(n / len(paths), "De-identifying")
            notes |= dict.fromkeys(_write_one(path, staging, worker))
        files = sorted(path.relative_to(staging) for path in staging.rglob("*.dcm"))
        _check_count(files, paths)
        staging.chmod(0o755)
        if output.is_dir():  # empty; Windows renames onto nothing that exists
            output.rmdir()
        staging.replace(output)
    except OSError as error:
        msg = f"'{output}' cannot be written: {error.strerror or error}. Choose another folder."
        raise OutputError(msg) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    progress(1.0, "De-identifying")
    return DeidentifiedFiles(tuple(output / file for file in files), tuple(notes))


def deidentify_file(source: Path, target: Path, worker: Deidentifier) -> list[str]:
    """De-identify one file.

    Args:
        source: A DICOM file.
        target: Where to write; may be the source itself.
        worker: Who does it.

    Returns:
        What the user should know, one sentence each.

    Raises:
        InputError: If it cannot be read or may not leave.
    """
    try:
        with lenient_pydicom():
            dataset = pydicom.dcmread(source, force=True)
            warning = admit(dataset, source)
            n_replaced = worker.apply(dataset)
            dataset.save_as(target, enforce_file_format=True)
    except AtlasTumorError:
        raise
    except OSError as error:
        raise refuse(source, error) from error
    except Exception as error:  # pydicom raises whatever its parsing of foreign bytes runs into
        msg = f"{name_of(source)} is a damaged DICOM file. Copy or export it again."
        raise InputError(msg) from error
    notes = [warning] if warning else []
    if n_replaced:
        notes.append("Names stood in text that the profile keeps; these texts were replaced.")
    return notes


def _list_files(inputs: Iterable[Path]) -> list[Path]:
    """Every DICOM file, each once."""
    paths: dict[Path, None] = {}
    for one in inputs:
        path = require_path(Path(one), give=_WANTED)
        if path.is_dir():
            paths |= dict.fromkeys(find_files(path))
        elif is_dicom(path):
            paths[path] = None
        else:
            msg = f"{name_of(path)} is no DICOM file. Give {_WANTED}."
            raise InputError(msg)
    if not paths:
        msg = f"There are no DICOM files in what was given. Give {_WANTED}."
        raise InputError(msg)
    return list(paths)


def _check_output(output: Path) -> Path:
    folder = Path(output).expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"'{folder}' exists and is not empty. Name a new folder."
        raise OutputError(msg)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"'{folder}' cannot be made: {error.strerror}. Choose another folder."
        raise OutputError(msg) from error
    return folder


def _write_one(path: Path, staging: Path, worker: Deidentifier) -> list[str]:
    """Write one file under its new name; a DICOMDIR lists names and is left out."""
    with lenient_pydicom():
        header = pydicom.dcmread(path, force=True, stop_before_pixels=True, defer_size=1024)
    if header.file_meta.get("MediaStorageSOPClassUID") == _DIRECTORY:
        return ["A DICOMDIR lists names of files and patients; it was left out."]
    partial = staging / "partial.dcm"
    notes = deidentify_file(path, partial, worker)
    series, instance = (
        worker.new_uid(str(header.get(keyword)))
        for keyword in ("SeriesInstanceUID", "SOPInstanceUID")
    )
    (staging / series).mkdir(exist_ok=True)
    target = staging / series / f"{instance}.dcm"
    if target.exists() and target.read_bytes() != partial.read_bytes():
        msg = f"{name_of(path)} has the SOPInstanceUID of another file but differs. Leave one out."
        raise InputError(msg)
    partial.replace(target)
    return notes


def _check_count(files: list[Path], paths: list[Path]) -> None:
    if not files:
        msg = f"{name_of(paths[0])} is a DICOMDIR. Give the files that it lists."
        raise InputError(msg)
