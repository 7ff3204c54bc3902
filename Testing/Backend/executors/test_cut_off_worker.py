from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from atlastumor.errors import DeviceError
from atlastumor.executors.dask_cluster import DaskExecutor
from Backend.executors.farm import Farm, wait_for
from Backend.executors.namespaces import TwoHosts, needs_namespaces
from Backend.ports import a_free_port

RUNNER = Path(__file__).with_name("cut_off_runner.py")
N, SECONDS = 16, 2.0


@needs_namespaces
def test_a_worker_whose_cable_is_pulled_delivers_nothing_and_its_jobs_run_elsewhere(
    tmp_path: Path,
) -> None:
    work, logs = tmp_path / "work", tmp_path / "logs"
    work.mkdir()
    logs.mkdir()
    with TwoHosts() as hosts, Farm(logs) as farm:
        here, there = hosts.addresses
        farm.prefix = hosts.inside(0)
        address = farm.start_scheduler(here, 8786)
        farm.start_worker("here", address, here)
        farm.prefix = hosts.inside(1)
        farm.start_worker("there", address, there)
        wait_for(lambda: farm.read_log("scheduler").count("Register worker") == 2)
        farm.prefix = hosts.inside(0)
        farm.start("runner", sys.executable, str(RUNNER), address, str(work), str(N), str(SECONDS))
        wait_for(lambda: len(list(work.glob("*.begun"))) >= 6)
        hosts.pull_cable()
        wait_for(lambda: "Lost the worker there" in farm.read_log("runner"))
        hosts.plug_in()
        wait_for((work / "done.json").exists)
        said = farm.read_log("runner")

    done = json.loads((work / "done.json").read_text())
    staged = [path.stem for path in work.glob("*.staged")]
    begun = [path.name.split(".")[0] for path in work.glob("*.begun")]
    repeated = [name for name, tokens in done.items() if tokens != [f"{name}-0"]]
    assert len(done) == N
    assert all(len(tokens) == 1 for tokens in done.values())
    assert len(begun) == len({*begun})  # nobody runs anything that was not handed out anew
    assert repeated
    # What was cut off ended for nobody: its first result lies there and was not taken.
    assert {f"{name}-0" for name in repeated} <= {*staged}
    assert said.count("Lost the worker there") == 1


@needs_namespaces
def test_a_host_that_has_not_the_folder_is_refused_by_its_name(tmp_path: Path) -> None:
    folder, logs = tmp_path / "shared", tmp_path / "logs"
    folder.mkdir()
    logs.mkdir()
    empty = f"echo node-two > /proc/sys/kernel/hostname; mount -t tmpfs none {folder}"
    with Farm(logs) as farm:
        address = farm.start_scheduler("127.0.0.1", a_free_port())
        farm.prefix = ["unshare", "--mount", "--uts", "sh", "-c", f'{empty}; exec "$@"', "sh"]
        farm.start_worker("two", address, "127.0.0.1")
        wait_for(lambda: "Registered to" in farm.read_log("two"))
        with pytest.raises(
            DeviceError, match=r"worker two on node-two cannot be used: The folder .* Mount it on"
        ):
            DaskExecutor(address, folders=[folder]).__enter__()

    assert not list(folder.iterdir())
