"""Several processes that share the patches of each step: the same network comes out."""

import os
import subprocess
import sys

import pytest
import torch

from atlastumor.errors import InputError
from atlastumor.training.loop import train
from atlastumor.training.pool import make_pool, make_scans
from atlastumor.training.processes import Processes
from Backend.source_tree import REPOSITORY
from Backend.training.tiny_recipe import TINY

SCRIPT = """
import sys
from pathlib import Path
from atlastumor.training.loop import train
from atlastumor.training.processes import join_processes
from Backend.training.tiny_recipe import TINY

if __name__ == "__main__":
    with join_processes(cuda=False) as processes:
        train([Path(sys.argv[1])], TINY, checkpoint=Path(sys.argv[2]), processes=processes)
"""


def test_each_number_falls_to_one_process_wherever_a_run_begins():
    first, second = (list(Processes(rank, 2).share(0, 3, 4)) for rank in range(2))

    assert first == [[0, 2], [4, 6], [8, 10]]
    assert second == [[1, 3], [5, 7], [9, 11]]
    assert list(Processes(1, 2).share(2, 3, 4)) == second[2:]


def test_a_step_that_cannot_be_shared_is_refused(tmp_path):
    with pytest.raises(InputError, match="A step's 2 patches cannot be shared by 3 processes"):
        train([], TINY, checkpoint=tmp_path / "run.pt", processes=Processes(0, 3))


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_two_processes_learn_what_one_does(tmp_path):
    (anatomy,) = make_pool(tmp_path, TINY, workers=1)
    make_scans([anatomy], TINY, workers=1)
    (tmp_path / "script.py").write_text(SCRIPT)
    paths = os.pathsep.join(str(REPOSITORY / name) for name in ("AtlasTumorLib", "Testing"))
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    words = [str(tmp_path / name) for name in ("script.py", anatomy.name, "two.pt")]

    subprocess.run(
        [sys.executable, *launch, *words],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        timeout=300,
    )
    train([anatomy], TINY, checkpoint=tmp_path / "one.pt")

    one, two = (torch.load(tmp_path / name, weights_only=True) for name in ("one.pt", "two.pt"))
    assert one["step"] == two["step"] == TINY.steps
    for part in ("network", "average"):
        for name, tensor in one[part].items():
            torch.testing.assert_close(two[part][name], tensor, atol=1e-4, rtol=1e-3)
