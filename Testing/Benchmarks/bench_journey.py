"""`make bench-journey`: from probability maps to reviewed truth, with the embedded model.

Phantoms kept for choosing thresholds and shared scans are segmented by the real command. Then the
real panel of AtlasFROC, on the test host, goes the whole way: the cohort is measured, every
organ's 90 % preset pressed, the operating points saved, every case looked at. All scans are
segmented with `--operating-point`; a script that knows the truth reviews them in the panel, is
killed (-9) once and resumes; the reviewed truth is exported and measured. Thresholds are chosen and
tried on the same scans: this shows that the path holds, not how good the model is.

The folder keeps what was segmented: a journey that was broken off goes on. Delete it to begin anew.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

REPOSITORY = Path(__file__).resolve().parents[2]
for name in ("Testing", "Testing/Host", "AtlasTumorLib"):
    sys.path.insert(0, str(REPOSITORY / name))

from bench_journey_cases import ENDING, prepare_phantom, prepare_scans, segment  # noqa: E402
from bench_journey_tables import print_organs, print_seconds  # noqa: E402

from atlastumor.models.card import DEFAULT_MODEL, find_card  # noqa: E402
from atlastumor.phantom import DEVELOPMENT_SEED  # noqa: E402
from Slicer.journey.curve import Chosen, choose, look_at_cases, measure, show_organ  # noqa: E402
from Slicer.journey.killing import find_lost, run_reader  # noqa: E402
from Slicer.journey.outcome import evaluate  # noqa: E402
from Slicer.journey.places import Places  # noqa: E402

KILL_AFTER = 5
WAIT_SECONDS = 3600


def main() -> None:
    options = parse_arguments()
    places = Places(options.output.resolve(), "segmented")
    seconds: dict[str, list[float]] = {"segment a scan": []}
    names = [prepare_phantom(DEVELOPMENT_SEED + n, places.root) for n in range(options.n)]
    if options.scans.is_dir():
        names += prepare_scans(options.scans, places.root)
    segment_all(names, places, places.predictions, seconds["segment a scan"])
    chosen = walk_through_panel(places, names, seconds, screenshots=options.screenshots)
    forget_other_thresholds(places, chosen)
    words = ["--operating-point", str(places.points)]
    segment_all(names, places, places.segmented, seconds["segment a scan"], words)
    lost = review(places, seconds)
    tell(places, chosen, seconds)
    if lost:
        sys.exit(f"Lost when the reader was killed: {lost}")


def parse_arguments() -> argparse.Namespace:
    weights = find_card(DEFAULT_MODEL).weights.sha256
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=30, help="phantoms")
    shared = Path(os.environ.get("ATLASTUMOR_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    parser.add_argument("--scans", type=Path, default=shared, help="folder of shared scans")
    place = Path(f"journey-{DEFAULT_MODEL}-{weights[:12]}")
    parser.add_argument("-o", "--output", type=Path, default=place)
    parser.add_argument(
        "--screenshots", action="store_true", help="keep two pictures in Resources/Screenshots"
    )
    return parser.parse_args()


def segment_all(
    names: list[str], places: Places, folder: Path, seconds: list[float], words: Sequence[str] = ()
) -> None:
    """Segment every scan that is not segmented yet."""
    for number, name in enumerate(names, start=1):
        took = segment(places.scans / f"{name}{ENDING}", folder / name, words)
        if took is not None:
            seconds.append(took)
            print(f"{name}: {took:.0f} s ({number} of {len(names)})", flush=True)


def walk_through_panel(
    places: Places, names: list[str], seconds: dict[str, list[float]], *, screenshots: bool
) -> list[Chosen]:
    """Measure, choose and look at all cases; pictures on the way."""
    from host.session import start

    from Slicer.journey.reader import make_launcher

    make_launcher(places.root / "bin")
    session = start()
    panel = open_panel(session)
    forget_other_cases(places, names)
    started = time.monotonic()
    measure(panel, places, lambda condition: wait(session, condition))
    seconds["sweep and open the cohort"] = [time.monotonic() - started]
    chosen = list(choose(panel, places, session.user, lambda condition: wait(session, condition)))
    photograph(panel, places, [one.organ for one in chosen], len(names))
    organ = max(chosen, key=lambda one: one.n_lesions).organ
    if screenshots:
        keep(places, organ)
    show_organ(panel, organ)
    panel.logic.closeCase()
    seconds["open a case"] = [took for _name, _n, took in look_at_cases(panel)]
    unwanted = [dialog for dialog in session.user.seen if dialog.kind != "getSaveFileName"]
    if session.errors() or unwanted:
        raise RuntimeError(f"{session.errors()} {unwanted}")
    return chosen


def open_panel(session: Any) -> Any:
    """AtlasFROC as a user meets it, with the checkout's own packages."""
    module = session.load(REPOSITORY / "AtlasFROC" / "AtlasFROC.py")
    panel = module.widgetRepresentation()
    widget = panel.self()
    widget.installer.ensure = lambda: None
    panel.enter()
    panel.resize(440, 1200)
    panel.show()
    return SimpleNamespace(widget=widget, ui=widget.ui, logic=widget.logic, panel=panel)


def wait(session: Any, condition: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("waited in vain")
        session.application.processEvents()
        time.sleep(0.01)


def photograph(panel: Any, places: Places, organs: list[str], n_scans: int) -> None:
    """Every organ's tab with the case that shows most."""
    from Slicer.journey.pictures import photograph_panel, photograph_views

    what = f"The embedded model's maps of {n_scans} phantoms and scans."
    for organ in organs:
        show_organ(panel, organ)
        counts = panel.logic.curve.countCases()
        row = max(range(len(counts)), key=lambda n: 9 * counts[n].nFound + counts[n].nFalse)
        panel.ui.casesTable.cellClicked.emit(row, 0)
        panel.ui.sensitivityButton.click()  # says why
        panel.logic.view.updateSurfaces()
        for kind, take in (("panel", photograph_panel), ("views", photograph_views)):
            take(panel, places.pictures / f"{organ}-{kind}.png", what)


def keep(places: Places, organ: str) -> None:
    """Put an organ's pictures where the README shows them."""
    from Slicer.render_screenshots import SCREENSHOTS

    for kind in ("panel", "views"):
        source = places.pictures / f"{organ}-{kind}.png"
        shutil.copyfile(source, SCREENSHOTS / f"AtlasFROC-{kind}.png")


def forget_other_cases(places: Places, names: list[str]) -> None:
    """Measure anew if other cases are there than were measured; operating points go with it."""
    note = places.root / "measured.json"
    if not note.exists() or json.loads(note.read_text()) != names:
        shutil.rmtree(places.results, ignore_errors=True)
        places.points.unlink(missing_ok=True)
    note.write_text(json.dumps(names))


def forget_other_thresholds(places: Places, chosen: list[Chosen]) -> None:
    """What was segmented at other thresholds goes; a review is always made anew."""
    note = places.root / "thresholds.json"
    thresholds = {one.organ: one.threshold for one in chosen}
    if not note.exists() or json.loads(note.read_text()) != thresholds:
        shutil.rmtree(places.segmented, ignore_errors=True)
    note.write_text(json.dumps(thresholds))
    for folder in (places.review, places.truth):
        shutil.rmtree(folder, ignore_errors=True)


def review(places: Places, seconds: dict[str, list[float]]) -> list[Any]:
    """Read everything, killed once; gives the decisions that the log lost."""
    started = time.monotonic()
    acknowledged = run_reader(places, kill_after=KILL_AFTER)
    print(f"The reader was killed after {len(acknowledged)} decisions.", flush=True)
    acknowledged += run_reader(places, pictures=True)
    seconds["review and export all"] = [time.monotonic() - started]
    return find_lost(places, acknowledged)


def tell(places: Places, chosen: list[Chosen], seconds: dict[str, list[float]]) -> None:
    """Measure what the review changed; print and keep the tables."""
    words = [w for one in chosen for w in ("--threshold", f"{one.organ}={one.threshold!r}")]
    before = evaluate(places.predictions, places.references, places.root / "before", *words)
    after = evaluate(places.truth, places.references, places.root / "after")
    rows = print_organs(places, chosen, before, after)
    print_seconds(seconds)
    record = {
        "organs": rows,
        "chosen": [asdict(one) for one in chosen],
        "median_seconds": {key: statistics.median(of) for key, of in seconds.items() if of},
    }
    (places.root / "journey.json").write_text(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
