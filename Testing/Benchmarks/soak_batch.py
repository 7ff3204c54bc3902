"""`atlastumor batch` under `kill -9`: many cases, runner and workers killed at random.

Ends with an error unless every case ends exactly once, every result is whole, nothing is
half-written, and journal and folders agree. Equal inputs must have equal outputs.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from pathlib import Path

TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTING), str(TESTING.parent / "AtlasTumorLib")]

from batch_cases import write_phantoms  # noqa: E402

from Backend.cohorts.soak import Soak  # noqa: E402
from Backend.cohorts.tiny import TINY, write_model  # noqa: E402


def main() -> None:
    """Soak, and say what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pause", type=float, nargs=2, default=(2.0, 6.0), help="seconds")
    parser.add_argument("--hours", type=float, default=2.0, help="at most")
    parser.add_argument(
        "--embedded", action="store_true", help="the embedded model, not a tiny one"
    )
    parser.add_argument("words", nargs="*", help="more words for the batch, behind --")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        scans = Path(home) / "in"
        scans.mkdir()
        write_phantoms(scans, options.cases)
        words = [scans, *options.words]
        if not options.embedded:
            words += ["--model", TINY, "--models-dir", write_model(Path(home) / "models")]
        out = Path(home) / "out"
        soak = Soak(words, out, options.kills, tuple(options.pause), options.seed)
        started = time.monotonic()
        soak.run(options.hours * 3600)
        killed = ", ".join(f"{name} {n}" for name, n in soak.killed.items())
        print(
            f"{options.cases} cases in {time.monotonic() - started:.0f} s; killed: {killed}; "
            f"the runner was started {soak.n_runs} times."
        )
        different = compare(scans, out)
        print("Every case ended once, all results are whole, journal and folders agree.")
        if different:
            sys.exit(f"Equal inputs, different labels: {different}")


def compare(scans: Path, out: Path) -> list[str]:
    """Names of scans whose label map differs from that of an equal scan."""
    known: dict[str, bytes] = {}
    different = []
    for scan in sorted(scans.iterdir()):
        name = scan.name.removesuffix(".nii.gz")
        labels = (out / "cases" / name / "labels.nii.gz").read_bytes()
        key = hashlib.sha256(scan.read_bytes()).hexdigest()
        if known.setdefault(key, labels) != labels:
            different.append(name)
    return different


if __name__ == "__main__":
    main()
