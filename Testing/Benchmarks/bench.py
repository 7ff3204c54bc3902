"""`make bench`: our whole pipeline against nnU-Net v2's own predictor, same weights, same CT.

Both sides read a NIfTI file and write a label map on its grid, each run in a process of its own,
taking turns. Speed depends on the machine and on what else it does: trust the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from bench_floor import Floor, measure_floor
from bench_model import PLANS, prepare_model
from bench_runs import MARK

from atlastumor.models.card import ModelCard, load_card
from atlastumor.organs import find_organ

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ATLASTUMOR_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
DEFAULT_SCAN = "msd_liver_44.nii.gz"
FEWEST_VOXELS = 100  # a label smaller than this says nothing by its Dice
RIM_VOXELS = 8


def main() -> None:
    options = parse_arguments()
    work = options.work.resolve()
    scan = crop_scan(options.scan, work, options.slices)
    print(f"Scan {scan.name}, weights {options.plan} ({options.steps} steps), {options.device}")
    # In a process of its own: the kernel counts the peak of a child from its parent's size on.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        job = apart.submit(
            prepare_model, work / options.plan, scan, plan=options.plan, steps=options.steps
        )
        card_path = job.result()
        floor = apart.submit(measure_floor, card_path, options.device).result()
    ways = [
        ("nnunet", "auto", "auto"),
        *(
            ("atlastumor", backend, precision)
            for backend in options.backend.split(",")
            for precision in options.precision.split(",")
            if (backend, precision) != ("torch", "int8")  # which torch does not run
        ),
    ]
    if not options.plain:
        ways.append(("nnunet", "auto", "fp32-sums"))
    runs = [
        measure(side, backend, precision, scan, card_path.parent, work, options.device, turn)
        for turn in range(options.repeats)
        for side, backend, precision in ways
    ]
    report = summarize(runs, load_card(card_path)) | {"floor": asdict(floor)}
    print_table(report, floor)
    (work / "bench.json").write_text(json.dumps(report, indent=2))
    print(f"Written: {work / 'bench.json'}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scan", type=Path, default=DATA / DEFAULT_SCAN, help="a NIfTI CT")
    parser.add_argument("--slices", type=int, help="only this many slices from its middle")
    parser.add_argument("--plan", choices=sorted(PLANS), default="medium")
    parser.add_argument("--steps", type=int, default=100, help="of training, for clear labels")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N, for both sides")
    parser.add_argument("--backend", default="auto,torch", help="ours: auto, torch, openvino")
    parser.add_argument("--precision", default="fp32,auto,int8", help="ours, a run for each")
    parser.add_argument(
        "--plain", action="store_true", help="leave out nnU-Net with sums in single precision"
    )
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--work", type=Path, default=REPOSITORY / "build" / "bench")
    options = parser.parse_args()
    if not options.scan.is_file():
        parser.error("there is no such scan; name a NIfTI file of a CT with --scan")
    return options


def crop_scan(path: Path, work: Path, slices: int | None) -> Path:
    """Write the scan, or its middle slices, as a file that both sides can read."""
    image = nibabel.load(path)
    k0, k1 = 0, image.shape[2]
    if slices is not None:
        k0 = max((k1 - slices) // 2, 0)
        k1 = min(k0 + slices, k1)
    out = work / f"{path.name.removesuffix('.gz').removesuffix('.nii')}_{k1 - k0}.nii.gz"
    if not out.is_file():
        work.mkdir(parents=True, exist_ok=True)
        nibabel.save(image.slicer[:, :, k0:k1], out)
    return out


def measure(
    side: str,
    backend: str,
    precision: str,
    scan: Path,
    model: Path,
    work: Path,
    device: str,
    turn: int,
) -> dict[str, Any]:
    """Run one side in a child; wall time and peak memory are the kernel's word on the child."""
    out = work / "runs" / f"{side}-{backend}-{precision}-{turn}".replace("-", "_")
    command = [sys.executable, str(Path(__file__).with_name("bench_runs.py")), side]
    command += [str(scan), str(model), str(out), "--device", device]
    command += ["--backend", backend, "--precision", precision]
    log = work / f"{out.name}.log"
    print(f"Running {side} {precision} …", flush=True)
    started = time.perf_counter()
    with log.open("w") as file:
        child = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    lines = [line for line in log.read_text().splitlines() if line.startswith(MARK)]
    if os.waitstatus_to_exitcode(status) != 0 or not lines:
        sys.exit(f"{side} failed; see {log}\n" + "\n".join(log.read_text().splitlines()[-15:]))
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kibibytes
    result: dict[str, Any] = json.loads(lines[-1].removeprefix(MARK))
    return result | {
        "way": f"{side} {backend} {precision}",
        "side": side,
        "wall": wall,
        "rss": usage.ru_maxrss * unit,
    }


def summarize(runs: list[dict[str, Any]], card: ModelCard) -> dict[str, Any]:
    """Best run of each way, and what it is to nnU-Net's."""
    best: dict[str, dict[str, Any]] = {}
    for run in runs:
        name = run["way"]
        if name not in best or run["seconds"] < best[name]["seconds"]:
            best[name] = run
    theirs = best["nnunet auto auto"]
    meaning = label_values(card)
    reference = translate(read_labels(theirs["labels"]), meaning)
    exact = best.get("nnunet auto fp32-sums")
    for run in best.values():
        run["time_ratio"] = theirs["seconds"] / run["seconds"]
        run["wall_ratio"] = theirs["wall"] / run["wall"]
        run["memory_ratio"] = theirs["rss"] / run["rss"]
        labels = read_labels(run["labels"])
        labels = translate(labels, meaning) if run["side"] == "nnunet" else labels
        if run is not theirs:
            run |= compare(reference, labels)
        if exact is not None and run["side"] != "nnunet":
            single = compare(translate(read_labels(exact["labels"]), meaning), labels)
            run |= {f"{name}_fp32_sums": value for name, value in single.items()}
    return {"best": best, "runs": runs}


def read_labels(path: str) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj).astype(np.uint8)


def label_values(card: ModelCard) -> dict[int, int]:
    """Channel of the network to value in our label map."""
    values = {}
    for output in card.outputs:
        if output.organ is not None:
            organ = find_organ(output.organ)
            values[output.channel] = organ.label if output.kind == "organ" else organ.tumor_label
    return values


def translate(channels: np.ndarray, meaning: dict[int, int]) -> np.ndarray:
    """nnU-Net's label map in our values."""
    table = np.zeros(256, np.uint8)
    for channel, value in meaning.items():
        table[channel] = value
    return table[channels]


def compare(theirs: np.ndarray, ours: np.ndarray) -> dict[str, Any]:
    """Agreement of two label maps, of the whole scan and without its rim.

    nnU-Net sums windows in half precision on every device. Where only the corner of one window
    reaches, along the edges of the scan, its weights vanish in it and logits are rounded to a few
    values: hence the second number, and the comparison with sums in single precision.
    """
    inner = tuple(slice(RIM_VOXELS, -RIM_VOXELS) for _ in range(3))
    whole, inside = measure_dice(theirs, ours), measure_dice(theirs[inner], ours[inner])
    return {
        "dice": whole,
        "dice_mean": float(np.mean(list(whole.values()))),
        "dice_min": min(whole.values(), default=float("nan")),
        "dice_inside_mean": float(np.mean(list(inside.values()))),
        "dice_inside_min": min(inside.values(), default=float("nan")),
        "differing": float(np.mean(theirs != ours)),
        "differing_inside": float(np.mean(theirs[inner] != ours[inner])),
    }


def measure_dice(theirs: np.ndarray, ours: np.ndarray) -> dict[int, float]:
    """Dice of every label of which nnU-Net found more than a few voxels."""
    dice = {}
    for value in sorted(set(np.unique(theirs)) - {0}):
        a, b = theirs == value, ours == value
        if np.sum(a) >= FEWEST_VOXELS:
            dice[int(value)] = 2.0 * float(np.sum(a & b)) / float(np.sum(a) + np.sum(b))
    return dice


def print_table(report: dict[str, Any], floor: Floor) -> None:
    """For people; the same numbers are in the JSON file."""
    rates = ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in floor.flop_per_second.items())
    print(f"\nGFLOP of a window: {floor.flop_per_window / 1e9:.0f}; matrix GFLOP/s: {rates}")
    for name, run in report["best"].items():
        stages = ", ".join(f"{stage} {s:.1f}" for stage, s in run["stages"].items())
        print(f"\n{name} ({run['backend']}, {run['precision']})")
        print(f"  {run['seconds']:.1f} s with the process {run['wall']:.1f} s: {stages}")
        print(f"  peak {run['rss'] / 2**30:.2f} GiB, windows {run['windows']}", end="")
        print(f" ({run['windows_skipped']} skipped)")
        if run["precision"] in floor.flop_per_second:
            print(f"  floor {floor.seconds(run['precision'], run['windows']):.1f} s")
        if "device_bytes" in run:
            print(f"  peak on the device {run['device_bytes'] / 2**30:.2f} GiB")
        if "dice_mean" in run:
            print(
                f"  {run['time_ratio']:.1f} x as fast, with the process {run['wall_ratio']:.1f} x;",
                end="",
            )
            print(f" nnU-Net takes {run['memory_ratio']:.2f} x the memory")
            print(f"  Dice with nnU-Net's labels: mean {run['dice_mean']:.5f}, least", end="")
            print(f" {run['dice_min']:.5f}; {run['differing']:.2e} of voxels differ")
            print(f"  without the rim: mean {run['dice_inside_mean']:.5f}, least", end="")
            print(f" {run['dice_inside_min']:.5f}; {run['differing_inside']:.2e} differ")
        if "dice_mean_fp32_sums" in run:
            print(f"  with its sums in fp32: mean {run['dice_mean_fp32_sums']:.5f}, least", end="")
            print(f" {run['dice_min_fp32_sums']:.5f}; {run['differing_fp32_sums']:.2e} differ")


if __name__ == "__main__":
    main()
