"""One measured run in a process of its own; prints a JSON line that starts with RESULT.

python bench_runs.py atlastumor SCAN MODEL OUT --device cpu --backend auto --precision auto
python bench_runs.py nnunet SCAN MODEL OUT --device cpu --precision auto|fp32-sums
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARK = "RESULT "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=("atlastumor", "nnunet"))
    parser.add_argument("scan", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--precision", default="auto")
    options = parser.parse_args()
    run = run_atlastumor if options.side == "atlastumor" else run_nnunet
    result = run(options)
    if options.device.startswith("cuda"):
        import torch

        result["device_bytes"] = torch.cuda.max_memory_allocated()
    print(MARK + json.dumps(result), flush=True)


def run_atlastumor(options: argparse.Namespace) -> dict[str, Any]:
    """Read, segment, write: as `atlastumor segment --no-report` does."""
    from atlastumor.inference.engine import Segmenter
    from atlastumor.models.card import load_card
    from atlastumor.results import write_results
    from atlastumor.scans import read_scan

    stages: dict[str, float] = {}
    started = time.perf_counter()
    segmenter = Segmenter(
        load_card(options.model / "bench.json"),
        device=options.device,
        backend=options.backend,
        precision=options.precision,
    )
    stages["load"] = time.perf_counter() - started
    before = time.perf_counter()
    scan = read_scan(options.scan)
    stages["read"] = time.perf_counter() - before
    segmentation = segmenter.segment(scan)
    stages |= segmentation.provenance.stage_seconds
    before = time.perf_counter()
    write_results(segmentation, scan, options.out, report=False)
    stages["write"] = time.perf_counter() - before
    provenance = segmentation.provenance
    return {
        "seconds": time.perf_counter() - started,
        "stages": stages,
        "windows": provenance.windows_run,
        "windows_skipped": provenance.windows_skipped,
        "backend": provenance.backend,
        "precision": provenance.precision,
        "labels": str(options.out / "labels.nii.gz"),
    }


def run_nnunet(options: argparse.Namespace) -> dict[str, Any]:
    """nnU-Net's own predictor, one scan, no mirroring, its defaults otherwise."""
    folders = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
    os.environ |= {**dict.fromkeys(folders, str(options.out)), "nnUNet_compile": "0"}
    import torch
    from nnunetv2.inference import predict_from_raw_data as nnunet
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor

    stages: dict[str, float] = {}
    windows: list[int] = []
    predictor_class = nnunet.nnUNetPredictor
    if options.precision == "fp32-sums":
        sum_in_float32(nnunet)
    watch(DefaultPreprocessor, "run_case", stages, "read, preprocess")
    watch(predictor_class, "predict_logits_from_preprocessed_data", stages, "network")
    watch(nnunet, "export_prediction_from_logits", stages, "resample, write")
    count(predictor_class, "_internal_get_sliding_window_slicers", windows)
    options.out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    predictor = predictor_class(
        tile_step_size=0.5,
        use_mirroring=False,
        device=torch.device(options.device),
        allow_tqdm=False,
    )
    predictor.initialize_from_trained_model_folder(str(options.model / "nnunet"), (0,))
    stages["load"] = time.perf_counter() - started
    target = str(options.out / "labels")
    predictor.predict_from_files_sequential([[str(options.scan)]], [target])
    return {
        "seconds": time.perf_counter() - started,
        "stages": stages,
        "windows": sum(windows),
        "windows_skipped": 0,
        "backend": "nnunetv2",
        "precision": "fp16 autocast" if options.device.startswith("cuda") else "fp32",
        "labels": target + ".nii.gz",
    }


class TorchWithoutHalf:
    """torch, but what is asked to be half precision becomes single."""

    def __getattr__(self, name: str) -> Any:
        import torch

        return torch.float32 if name == "half" else getattr(torch, name)


def sum_in_float32(nnunet: Any) -> None:
    """Let nnU-Net blend windows in single precision, as we do: what is left is arithmetic alone."""
    import torch

    compute = nnunet.compute_gaussian
    in_float32 = functools.partial(compute, dtype=torch.float32)
    in_float32.cache_clear = compute.cache_clear  # type: ignore[attr-defined]
    nnunet.compute_gaussian = in_float32
    nnunet.torch = TorchWithoutHalf()


def watch(owner: Any, name: str, stages: dict[str, float], stage: str) -> None:
    """Time every call of a function of nnU-Net."""
    inner: Callable[..., Any] = getattr(owner, name)

    def timed(*args: Any, **kwargs: Any) -> Any:
        before = time.perf_counter()
        try:
            return inner(*args, **kwargs)
        finally:
            stages[stage] = stages.get(stage, 0.0) + time.perf_counter() - before

    setattr(owner, name, timed)


def count(owner: Any, name: str, windows: list[int]) -> None:
    """Note how many windows nnU-Net lays."""
    inner: Callable[..., Any] = getattr(owner, name)

    def counted(*args: Any, **kwargs: Any) -> Any:
        slicers = inner(*args, **kwargs)
        windows.append(len(slicers))
        return slicers

    setattr(owner, name, counted)


if __name__ == "__main__":
    main()
