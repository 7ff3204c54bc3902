"""The second half of a journey: a reader who knows the truth, in a process that can be killed.

    python Testing/Slicer/journey/reader.py FOLDER [--reviewed NAME] [--pictures] [--hold-after N]

Says "begun" when the first scan is shown, a line `done KIND SCAN CANDIDATE` once a decision is
recorded, and "finished" once the reviewed truth is exported. After N such lines it only waits to be
killed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

REPOSITORY = Path(__file__).resolve().parents[3]
for name in ("Testing", "Testing/Host", "AtlasTumorLib"):
    sys.path.insert(0, str(REPOSITORY / name))

from Slicer.journey.places import Places, is_tumor  # noqa: E402 - found only after the lines above
from Slicer.review.reading import press  # noqa: E402

READER = "Script"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reviewed", default=Places.reviewed)
    parser.add_argument("--pictures", action="store_true")
    parser.add_argument("--hold-after", type=int)
    options = parser.parse_args()
    places = Places(options.folder.resolve(), options.reviewed)
    from host.session import start

    session = start()
    make_launcher(places.root / "bin")
    panel = session.load(REPOSITORY / "AtlasFROC" / "AtlasFROC.py").widgetRepresentation()
    panel.enter()
    review = panel.self().review
    review.installer.ensure = lambda: None  # the checkout's own packages serve
    begin(review, places)
    say("begun")
    look = Photographer(panel, places) if options.pictures else None
    read(review, places.references, Teller(options.hold_after), look)
    export(review, places, session)
    if session.errors() or session.user.seen:
        raise RuntimeError(f"{session.errors()} {session.user.seen}")
    say("finished")


def say(*words: str) -> None:
    """Tell whoever started this."""
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


class Teller:
    """Tells of each decision; after so many it only waits to be killed."""

    def __init__(self, most: int | None) -> None:
        self._n, self._most = 0, most

    def __call__(self, *words: str) -> None:
        say("done", *words)
        self._n += 1
        if self._n == self._most:
            time.sleep(600)
            raise RuntimeError("Nobody killed the reader.")


def make_launcher(folder: Path) -> None:
    """Put a PythonSlicer on the search path."""
    folder.mkdir(exist_ok=True)
    launcher = folder / "PythonSlicer"
    launcher.write_text(f'#!/bin/sh\n"{sys.executable}" "$@"\nexit $?\n', "utf-8")
    launcher.chmod(0o755)
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"


def begin(review: Any, places: Places) -> None:
    """Fill in who reads what and press the button."""
    ui = review.ui
    ui.readerLineEdit.text = READER
    ui.predictionsPathLineEdit.currentPath = str(places.segmented)
    ui.scansPathLineEdit.currentPath = str(places.scans)
    ui.pointsPathLineEdit.currentPath = str(places.points)
    ui.reviewPathLineEdit.currentPath = str(places.review)
    ui.beginButton.click()
    if not review.actions.isReading:
        raise RuntimeError(f"The review did not begin: {ui.statusLabel.text}")


def read(
    review: Any,
    references: Path,
    tell: Callable[..., None],
    look: Callable[[Any, bool], None] | None = None,
) -> None:
    """Decide every candidate by the truth; the very first one wrongly, which is then undone."""
    session = review.session
    while "Every scan is finished" not in review.ui.statusLabel.text:
        item, scan = session.current, session.scan.name
        if item is None or item.key in session.scan_state.verdicts:
            press(review, "N")
            continue
        truly = is_tumor(references, scan, item.organ, session.outline_of(item))
        if not any(entry.kind == "undo" for entry in session.entries):
            press(review, "R" if truly else "A")
            press(review, "U")
            tell("undo", scan, item.key)
        if look is not None:
            look(item, truly)
        press(review, "A" if truly else "R")
        tell("accept" if truly else "reject", scan, item.key)


def export(review: Any, places: Places, session: Any) -> None:
    """Press the button and wait."""
    ui = review.ui
    ui.truthPathLineEdit.currentPath = str(places.truth)
    ui.segNrrdCheckBox.checked = True
    ui.exportButton.click()
    while ui.exportButton.text != "Export finished scans":
        session.application.processEvents()
        time.sleep(0.01)


class Photographer:
    """Takes a picture of panel and views at the first true and at the first false candidate."""

    def __init__(self, panel: Any, places: Places) -> None:
        self._panel, self._folder = panel, places.pictures
        self._taken: set[bool] = set()

    def __call__(self, item: Any, truly: bool) -> None:
        from Slicer.journey.pictures import photograph_review

        if truly not in self._taken:
            self._taken.add(truly)
            name = "review-of-a-tumor" if truly else "review-of-a-false-one"
            photograph_review(self._panel, item, self._folder / f"{name}.png")


if __name__ == "__main__":
    main()
