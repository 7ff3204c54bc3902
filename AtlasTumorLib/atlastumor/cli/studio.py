"""`atlastumor studio`: grows synthetic tumors on request, for AtlasTumorSynth.

One JSON object per line comes in on standard input, and one "reply" goes out for each:

    {"id": 1, "do": "open", "scan": FILE, "labels": FILE.npy}       keys of the organs in view
    {"id": 2, "do": "grow", "tumors": [{...}], "folder": FOLDER}    each tumor, with its edit's file
                                    ("painting": FILE.npy of one is a mask on the scan's grid)
    {"id": 3, "do": "judge", "tumors": [{...}]}                     share found again, and fault
    {"id": 4, "do": "apply", "edit": FILE.npz}                      ("revert" takes it out again)
    {"do": "cancel"}                                                stops the one under way

A reply that holds an "error" says why there is no result; the process lives on. It ends with its
input, or when nothing was asked for a while, which returns its memory.
"""

from __future__ import annotations

import argparse
import json
import queue
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AtlasTumorError, DependencyError, InputError, OutputError, UsageError
from ..progress import CancelToken
from .arguments import parse_count, parse_folder
from .console import Console

if TYPE_CHECKING:
    from ..batch.quality import Critic
    from ..batch.studio import Grown, Studio
    from ..synthesis.painting import Painting
    from ..volume import Grid

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]

Message = Mapping[str, Any]


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser("studio", help="grow synthetic tumors on request (for Slicer)")
    parser.add_argument(
        "--models-dir", type=parse_folder, help="folder with further models and weights"
    )
    parser.add_argument(
        "--idle-s", type=parse_count(1), default=300, help="seconds without a request to end after"
    )
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Answer requests until there are no more.

    Args:
        options: What `add_parser` declares.
        console: Where to answer; `--json-progress` is needed.

    Raises:
        UsageError: If nobody asked for JSON.
    """
    if not console.as_json:
        msg = "A studio speaks to programs; add --json-progress."
        raise UsageError(msg)
    desk = _Desk(options.models_dir)
    inbox = _Inbox()
    inbox.start()
    while (asked := inbox.next(options.idle_s)) is not None:
        message, cancel = asked
        reply: dict[str, Any] = {"id": message["id"]}
        try:
            reply |= desk.answer(message, cancel, Console(as_json=True))
        except ModuleNotFoundError as error:
            missing = f"The package '{error.name}' is missing. Install it with: pip install "
            reply["error"] = _describe(DependencyError(f"{missing}{error.name}"))
        except AtlasTumorError as error:
            reply["error"] = _describe(error)
        console.reply(**reply)
    console.result(Path(), [])


def _describe(error: AtlasTumorError) -> dict[str, str]:
    return {"kind": type(error).__name__, "message": " ".join(str(error).split())}


class _Inbox:
    """Reads requests while one is answered, so that it can be cancelled."""

    def __init__(self) -> None:
        self._queue: queue.Queue[tuple[Message, CancelToken] | None] = queue.Queue()

    def start(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def next(self, idle_s: float) -> tuple[Message, CancelToken] | None:
        """Wait for a request; None when there are no more, or none came for so long."""
        try:
            return self._queue.get(timeout=idle_s)
        except queue.Empty:
            return None

    def _read(self) -> None:
        token = CancelToken()
        for line in sys.stdin:
            message = json.loads(line)
            if message["do"] == "cancel":
                token.cancel()
                token = CancelToken()
            else:
                self._queue.put((message, token))
        token.cancel()
        self._queue.put(None)


class _Desk:
    """Knows the scan that is open and does what a request says."""

    def __init__(self, models_dir: Path | None) -> None:
        self._models_dir = models_dir
        self._studio: Studio | None = None
        self._n_edits = 0
        self._grid: Grid | None = None
        self._paintings: dict[str, Painting] = {}

    def answer(self, message: Message, cancel: CancelToken, console: Console) -> dict[str, Any]:
        if message["do"] == "open":
            return self._open(message, console)
        if self._studio is None:
            msg = "No scan is open."
            raise InputError(msg)
        if message["do"] in ("grow", "judge"):
            requests = [
                self._studio.complete(self._with_painting(one)) for one in message["tumors"]
            ]
            if message["do"] == "judge":
                console.progress(0.0, "Checking with the model")
                found = self._studio.judge(requests, cancel=cancel)
                return {
                    "shares": [round(quality.share, 4) for quality in found],
                    "reasons": [quality.reason for quality in found],
                }
            grown = self._studio.grow(requests, progress=console.progress, cancel=cancel)
            folder = Path(message["folder"])
            return {
                "tumors": [
                    {"index": requests.index(one.result.request), **self._save(one, folder)}
                    for one in grown
                ]
            }
        return self._edit(self._studio, message)

    def _open(self, message: Message, console: Console) -> dict[str, Any]:
        import numpy as np  # noqa: PLC0415 - other commands do without

        from ..batch.studio import Studio  # noqa: PLC0415 - pulls in scipy
        from ..organs import label_names  # noqa: PLC0415
        from ..scans import read_scan  # noqa: PLC0415 - pulls in readers
        from ..volume import LabelMap  # noqa: PLC0415

        self._studio = None  # before the next is read: one at a time in memory
        self._paintings.clear()
        scan = read_scan(Path(message["scan"]), progress=console.progress)
        array = np.load(message["labels"], allow_pickle=False)
        labels, self._grid = LabelMap(array, scan.grid, label_names()), scan.grid
        self._studio = Studio(
            scan, labels, models_dir=self._models_dir, make_critic=self._make_critic
        )
        return {"organs": [organ.key for organ in self._studio.organs]}

    def _with_painting(self, fields: Message) -> Message:
        """Read the mask that a tumor names; the last one is remembered."""
        import numpy as np  # noqa: PLC0415

        from ..synthesis.painting import Painting  # noqa: PLC0415 - pulls in scipy

        name = fields.get("painting")
        if name is None or self._grid is None:
            return fields
        if name not in self._paintings:
            mask = np.load(name, allow_pickle=False)
            self._paintings = {name: Painting(mask, self._grid)}
        return {**fields, "painting": self._paintings[name]}

    def _make_critic(self) -> Critic:
        from ..inference.engine import Segmenter  # noqa: PLC0415 - pulls in torch

        return Segmenter(models_dir=self._models_dir)

    def _save(self, grown: Grown, folder: Path) -> dict[str, Any]:
        """Write a tumor's edit and say what is to be known of it."""
        self._n_edits += 1
        path = folder / f"edit-{self._n_edits}.npz"
        try:
            grown.edit.save(path)
        except OSError as error:
            path.unlink(missing_ok=True)
            msg = f"The tumor could not be written ({error.strerror}). Make room on the disk."
            raise OutputError(msg) from error
        result = grown.result
        return {
            "edit": str(path),
            "organ": result.request.organ,
            "diameter_mm": round(result.diameter_mm, 3),
            "contrast_hu": round(result.contrast_hu, 2),
            "center_ras": result.center_ras,
            "volume_ml": round(result.lesion.volume_ml, 4),
            "side": result.lesion.side or "",
            "notes": list(result.notes),
        }

    @staticmethod
    def _edit(studio: Studio, message: Message) -> dict[str, Any]:
        from ..batch.edits import Edit  # noqa: PLC0415 - pulls in scipy

        edit = Edit.load(Path(message["edit"]))
        if message["do"] == "apply":
            studio.apply(edit)
        else:
            studio.revert(edit)
        return {}
