"""What a case costs, whoever else uses the machine: seconds of CPU, and of the disk's commits."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import torch

from atlastumor.cohorts.folder import CohortFolder
from atlastumor.cohorts.journal import Journal
from atlastumor.cohorts.outcome import read_outcome
from atlastumor.cohorts.scan import open_segmenter, segment_scan, write_scan
from atlastumor.cohorts.settings import make_settings
from atlastumor.cohorts.verifying import verify_result
from atlastumor.executors.dask_cluster import DaskExecutor
from atlastumor.scans import read_scan
from Backend.executors.cluster_jobs import double

__all__ = ["measure_commits", "measure_handing_out", "measure_stages"]

N_NOTHINGS = 400


def measure_stages(scans: Sequence[Path], home: Path, device: str) -> tuple[float, float, float]:
    """Read, segment and write scans, one after the other.

    Args:
        scans: Files.
        home: Folder to write into, made if it is not there.
        device: For the engine.

    Returns:
        Seconds per case for reading, engine and writing: of CPU, the engine's over its threads; on
        a CUDA device the engine's are those of the clock.
    """
    settings = make_settings()
    segmenter = open_segmenter(settings, device)
    is_gpu = segmenter.device.name != "cpu"
    home.mkdir(exist_ok=True)
    spent: list[tuple[float, float, float]] = []
    for path in scans:
        clock = [time.process_time()]
        scan = read_scan(path)
        clock.append(time.process_time())
        started = time.perf_counter()
        segmentation = segment_scan(segmenter, scan, settings)
        engine_s = time.perf_counter() - started
        clock.append(time.process_time())
        write_scan(segmentation, scan, home / path.name, settings)
        clock.append(time.process_time())
        read, engine, write = (after - before for before, after in pairwise(clock))
        spent.append((read, engine_s if is_gpu else engine / torch.get_num_threads(), write))
    reads, engines, writes = zip(*spent, strict=True)
    return fmean(reads), fmean(engines), fmean(writes)


def measure_commits(out: Path, again: Path) -> float:
    """Put results in place once more.

    Args:
        out: Folder of a cohort that is done.
        again: Folder for another one.

    Returns:
        Seconds on the clock that a result takes from a worker's folder to its row in the journal.
    """
    before, after = CohortFolder(out), CohortFolder(again)
    after.cases.mkdir(parents=True)
    with (
        Journal.read(before.journal) as old,
        Journal.create(after.journal, old.settings) as journal,
    ):
        rows = list(old.rows())
        journal.add([row.case for row in rows])
        for row in rows:
            outcome = read_outcome(before.result_of(row.case.id))[0]
            journal.start(row.case.id, outcome.token)
            staged = after.staging_of(row.case.id, outcome.token)
            shutil.copytree(before.result_of(row.case.id), staged)
        started = time.perf_counter()
        for row in rows:
            outcome = verify_result(after.staging_of(row.case.id, row.token), thorough=False)
            after.place(row.case.id, row.token)
            journal.finish(outcome)
        return (time.perf_counter() - started) / len(rows)


def start_cluster() -> object:
    """Two processes of this machine."""
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=2,
        threads_per_worker=3,
        host="127.0.0.1",
        dashboard_address=None,
        worker_dashboard_address=None,
    )


def measure_handing_out() -> float:
    """Seconds of CPU that runner and scheduler spend on a job in which nothing is done."""
    with DaskExecutor(start_cluster) as executor:
        n_ended, n_sent = 0, 0
        started = time.process_time()
        while n_ended < N_NOTHINGS:
            while n_sent < min(n_ended + executor.n_slots, N_NOTHINGS):
                executor.submit(str(n_sent), double, n_sent)
                n_sent += 1
            n_ended += len(executor.wait(10.0))
        return (time.process_time() - started) / N_NOTHINGS
