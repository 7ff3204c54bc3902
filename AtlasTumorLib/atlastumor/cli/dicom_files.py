"""`atlastumor dicom receive|deidentify`: what is kept of what comes, and what leaves."""

from __future__ import annotations

import argparse
import queue
from typing import TYPE_CHECKING

from ..errors import UsageError
from .console import Console
from .dicom_address import parse_listen, read_tls

if TYPE_CHECKING:
    from ..hospital import ReceivedStudy

__all__ = ["deidentify", "receive"]

_GB = 1_000_000_000
_LOOK_S = 0.5


def receive(options: argparse.Namespace, console: Console) -> None:
    """Keep what others send until stopped, or until enough has come.

    Args:
        options: Of the command.
        console: Where to report.

    Raises:
        AtlasTumorError: If the folder, the port or certificates cannot be used.
    """
    from ..hospital import StoreServer  # noqa: PLC0415 - pulls in what is optional

    title, host, port = parse_listen(options.listen)
    arrived: queue.Queue[ReceivedStudy] = queue.Queue()
    server = StoreServer(
        options.output,
        arrived.put,
        port=port,
        host=host,
        ae_title=title,
        callers=[name.strip() for name in options.callers.split(",") if name.strip()],
        idle_s=options.idle,
        most_bytes=None if options.most_gb is None else options.most_gb * _GB,
        keep_free_bytes=options.keep_free_gb * _GB,
        tls=read_tls(options),
    )
    n_studies = 0
    try:
        with server:
            console.note(f"Listening as {title} on port {server.port} of {host}. Stop with Ctrl-C.")
            while options.studies is None or n_studies < options.studies:
                try:
                    study = arrived.get(timeout=_LOOK_S)
                except queue.Empty:
                    continue
                n_studies += 1
                _tell(study, console)
    except KeyboardInterrupt:  # how it is meant to be stopped
        console.note("Stopped.")
    console.result(options.output, [], studies=n_studies)


def _tell(study: ReceivedStudy, console: Console) -> None:
    console.say(f"Study {study.id}: {study.n_new} objects.")
    if console.as_json:
        console.document({"study": study.id, "folder": str(study.folder), "objects": study.n_new})


def deidentify(options: argparse.Namespace, console: Console) -> None:
    """Take patients out of DICOM files, or make the key to do it with.

    Args:
        options: Of the command.
        console: Where to report.

    Raises:
        AtlasTumorError: If the key or a file cannot be used, or a file may not leave.
    """
    from ..deidentify import DeidentifyOptions, deidentify_files, make_key  # noqa: PLC0415

    if options.new_key is not None:
        if options.paths or options.output:
            msg = "--new-key only makes a key. Leave out files and output, then use it as --key."
            raise UsageError(msg)
        key = make_key(options.new_key)
        console.note("Keep it secret, and keep it: it is the only way back.")
        console.result(key.resolve().parent, [key])
        return
    if not options.paths or options.output is None:
        msg = "Name DICOM files or folders, and a new folder with -o."
        raise UsageError(msg)
    done = deidentify_files(
        options.paths,
        options.output,
        DeidentifyOptions(
            options.key,
            retain_dates=options.retain_dates,
            retain_device=options.retain_device,
            clean_descriptors=options.clean_descriptors,
        ),
        console.progress,
    )
    for note in done.notes:
        console.note(note)
    console.say(f"De-identified {len(done.files)} files.")
    folders = sorted({file.parent for file in done.files})
    console.result(options.output, folders, files_written=len(done.files))
