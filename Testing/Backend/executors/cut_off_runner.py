"""Hands out naps over a cluster until each is done: `cut_off_runner.py ADDRESS FOLDER N SECONDS`.

Stands in for the cohort runner: a result counts if it is that of the last handing out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from atlastumor.executors.agreement import share_folder
from atlastumor.executors.dask_cluster import DaskExecutor
from Backend.executors.cluster_jobs import nap


def main(address: str, folder: Path, n: int, seconds: float) -> None:
    tries = dict.fromkeys((f"case{number}" for number in range(n)), 0)
    done: dict[str, list[str]] = {name: [] for name in tries}
    with (
        share_folder(folder) as agreement,
        DaskExecutor(address, agreements=[agreement], say=print) as executor,
    ):
        for name in tries:
            executor.submit(name, nap, (folder, f"{name}-0", seconds))
        while not all(done.values()):
            for ended in executor.wait(5.0):
                if ended.is_lost:
                    tries[ended.key] += 1
                    token = f"{ended.key}-{tries[ended.key]}"
                    executor.submit(ended.key, nap, (folder, token, seconds))
                else:
                    assert ended.error is None
                    done[ended.key].append(ended.value[0])
    (folder / "done.json").write_text(json.dumps(done))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
