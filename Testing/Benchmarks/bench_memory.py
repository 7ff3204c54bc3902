"""`make bench-memory`: peak memory of 512 x 512 x n slices through the engine, each in a child.

The scan is a made-up body in air: memory depends on its size and not on what it shows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

LIMIT_BYTES = 6e9
MARK = "RESULT "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", default="250,500,1000")
    parser.add_argument("--model", help="a card's id; without one a tiny network stands in")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        run_child(options.child, options)
        return
    lengths = [int(n) for n in options.slices.split(",")]
    peaks = [measure(n, options) for n in lengths]
    slope = float(np.polyfit(lengths, peaks, 1)[0]) if len(lengths) > 1 else float("nan")
    print(f"{slope / 1e6:.2f} MB a slice; at {lengths[-1]} slices {peaks[-1] / 1e9:.2f} GB")
    if peaks[-1] >= LIMIT_BYTES:
        sys.exit(f"More than {LIMIT_BYTES / 1e9:.0f} GB.")


def measure(n_slices: int, options: argparse.Namespace) -> int:
    """Peak resident memory of one child, bytes."""
    command = [sys.executable, __file__, "--child", str(n_slices)]
    command += ["--precision", options.precision, "--backend", options.backend]
    if options.model is not None:
        command += ["--model", options.model]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"The run with {n_slices} slices failed.")
    result = json.loads(said.split(MARK)[-1])
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(
        f"{n_slices} slices: peak {peak / 1e9:.2f} GB, foreseen {result['foreseen'] / 1e9:.2f} GB,"
        f" {result['seconds']:.0f} s, windows {result['windows']}",
        flush=True,
    )
    return peak


def run_child(n_slices: int, options: argparse.Namespace) -> None:
    """Segment a made-up scan and write the result."""
    import tempfile

    from atlastumor.inference.engine import Segmenter
    from atlastumor.results import write_results

    scan = make_scan(n_slices)
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or make_tiny_model(Path(folder))
        segmenter = Segmenter(model, precision=options.precision, backend=options.backend)
        started = time.perf_counter()
        foreseen = segmenter.estimate(scan)
        segmentation = segmenter.segment(scan)
        write_results(segmentation, scan, Path(folder) / "out", report=False)
    result = {
        "seconds": time.perf_counter() - started,
        "foreseen": foreseen.host_bytes,
        "windows": segmentation.provenance.windows_run,
    }
    print(MARK + json.dumps(result), flush=True)


def make_scan(n_slices: int):
    """An elliptic body with density that varies along it, 0.8 x 0.8 x 1 mm."""
    from atlastumor.volume import Grid, Scan

    i, j = np.meshgrid(np.linspace(-1, 1, 512), np.linspace(-1, 1, 512), indexing="ij")
    body = i**2 / 0.6 + j**2 / 0.4 < 1
    array = np.empty((512, 512, n_slices), np.int16, order="F")
    for k in range(n_slices):
        array[:, :, k] = np.where(body, 40 + 60 * np.sin(k / 20 + 9 * i) * np.cos(8 * j), -1000)
    return Scan(array, Grid((512, 512, n_slices), np.diag([-0.8, -0.8, 1.0, 1.0])))


def make_tiny_model(folder: Path):
    """A network too small to mean anything, whose grid and channels are those of a real one."""
    import torch

    from atlastumor.models.card import parse_card
    from atlastumor.models.weights import save_weights
    from atlastumor.networks import build_network
    from atlastumor.organs import ORGANS

    torch.manual_seed(0)
    args = {"init_filters": 8, "blocks_down": [1, 1, 1], "blocks_up": [1, 1]}
    outputs: list[dict[str, object]] = [{"channel": 0, "kind": "background"}]
    for kind in ("organ", "tumor"):
        for organ in ORGANS:
            outputs.append({"channel": len(outputs), "kind": kind, "organ": organ.key})
    network = build_network("segresnet", len(outputs), args)
    digest, size = save_weights(network.state_dict(), folder / "tiny.safetensors")
    return parse_card({
        "schema": 1, "id": "tiny", "title": "Tiny", "version": "1", "license": "none",
        "summary": "Random weights.", "source": {},
        "weights": {"file": "tiny.safetensors", "sha256": digest, "bytes": size},
        "network": {"name": "segresnet", "args": args},
        "input": {"orientation": "RAS", "spacing_mm": [1.5, 1.5, 1.5], "clip_hu": [-175, 250],
                  "normalize": "unit", "resample_order": 1},
        "inference": {"patch": [96, 96, 96]},
        "outputs": outputs, "activation": "softmax", "thresholds": {},
        "postprocess": {"min_lesion_ml": 1.0}, "evaluation": [],
        "limits": "For benchmarks only; not for clinical use.",
    }, folder / "tiny.json")  # fmt: skip


if __name__ == "__main__":
    main()
