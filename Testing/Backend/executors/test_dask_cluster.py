from __future__ import annotations

import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlastumor.errors import DependencyError, DeviceError, InputError
from atlastumor.executors import Ended
from atlastumor.executors.agreement import Agreement, agree_on_versions, share_folder
from atlastumor.executors.dask_client import Tls
from atlastumor.executors.dask_cluster import DaskExecutor
from Backend.executors.cluster_jobs import double, fail, nap, nap_until_told, tell_process
from Backend.executors.farm import Farm, make_certificates, wait_for
from Backend.ports import a_free_port

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def a_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Farm, str]]:
    """A scheduler with two workers of two threads; started again, they have the same addresses."""
    with Farm(tmp_path_factory.mktemp("farm")) as farm:
        address = farm.start_scheduler(HOST, a_free_port())
        for name in ("one", "two"):
            farm.start_worker(name, address, HOST, "--worker-port", str(a_free_port()))
        for name in ("one", "two"):
            wait_for(lambda name=name: "Registered to" in farm.read_log(name))
        yield farm, address


def collect(executor: DaskExecutor, n: int) -> list[Ended]:
    ended: list[Ended] = []
    while len(ended) < n:
        ended += executor.wait(20.0)
    return ended


def wait_until_begun(folder: Path, n: int) -> list[int]:
    """Processes in which n jobs began."""
    wait_for(lambda: len(list(folder.glob("*.begun"))) >= n)
    return [int(path.read_text()) for path in folder.glob("*.begun")]


def test_every_job_comes_back_once_with_its_value_or_its_error(a_cluster: tuple[Farm, str]) -> None:
    with DaskExecutor(a_cluster[1]) as executor:
        assert executor.n_slots == 4
        for n in range(30):
            executor.submit(str(n), double, n)
        executor.submit("bad", fail, "a secret file")
        ended = {one.key: one for one in collect(executor, 31)}
        more = executor.wait(0.2)

    assert len(ended) == 31
    assert not more
    assert all(ended[str(n)].value == 2 * n for n in range(30))
    assert repr(ended["bad"].error) == "ValueError('a secret file')"
    assert {one.worker for one in ended.values()} == {"one", "two"}
    assert "secret" not in "".join(a_cluster[0].read_log(name) for name in ("one", "two"))


def test_a_killed_worker_loses_its_jobs_once_and_nobody_else_runs_them(
    a_cluster: tuple[Farm, str], tmp_path: Path
) -> None:
    said: list[str] = []
    with DaskExecutor(a_cluster[1], say=said.append) as executor:
        for n in range(4):
            executor.submit(str(n), nap_until_told, (tmp_path, str(n)))
        killed = wait_until_begun(tmp_path, 4)[0]
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{killed}").exists())
        (tmp_path / "go").touch()
        ended = collect(executor, 4)
        more = executor.wait(0.5)

    assert not more
    assert sorted(one.key for one in ended) == ["0", "1", "2", "3"]
    assert Counter(one.is_lost for one in ended) == {True: 2, False: 2}
    assert {path.name.split(".")[0] for path in tmp_path.glob("*.staged")} == {
        one.value[0] for one in ended if not one.is_lost
    }
    assert len(list(tmp_path.glob("*.begun"))) == 4
    assert any("it had 2 jobs" in text for text in said)


def test_a_worker_that_answers_otherwise_is_refused_by_name(a_cluster: tuple[Farm, str]) -> None:
    model = Agreement("The model", tell_process, None, "Import it there.")

    with pytest.raises(DeviceError, match=r"worker (one|two) on \S+ cannot be used: The model"):
        DaskExecutor(a_cluster[1], agreements=[model]).__enter__()


def test_same_versions_and_a_shared_folder_are_agreed_on_and_nothing_is_left_there(
    a_cluster: tuple[Farm, str], tmp_path: Path
) -> None:
    with share_folder(tmp_path) as folder:
        agreements = [folder, *agree_on_versions(["numpy", "torch"])]
        with DaskExecutor(a_cluster[1], agreements=agreements) as executor:
            executor.submit("one", double, 1)
            ended = collect(executor, 1)

    assert ended[0].value == 2
    assert not list(tmp_path.iterdir())


def test_what_still_runs_at_the_end_is_stopped(a_cluster: tuple[Farm, str], tmp_path: Path) -> None:
    with DaskExecutor(a_cluster[1], n_each=1) as executor:
        _wait_for_slots(executor, 2)  # one of them was killed before
        for n in range(3):
            executor.submit(str(n), nap, (tmp_path, str(n), 60.0))
        processes = wait_until_begun(tmp_path, 2)

    assert len(processes) == 2
    for process in processes:
        wait_for(lambda process=process: not Path(f"/proc/{process}").exists())


def test_a_lost_scheduler_is_waited_for_and_then_told(tmp_path: Path) -> None:
    port, said = a_free_port(), []
    with Farm(tmp_path) as farm:
        address = farm.start_scheduler(HOST, port)
        farm.start_worker("one", address, HOST)
        with DaskExecutor(address, say=said.append) as executor:
            _wait_for_slots(executor, 2)
            executor.submit("a", nap, (tmp_path, "a", 60.0))
            wait_until_begun(tmp_path, 1)
            farm.kill("scheduler")
            lost = collect(executor, 1)
            executor.submit("a", double, 1)
            farm.start_scheduler(HOST, port)
            farm.start_worker("another", address, HOST)
            done = collect(executor, 1)
        with DaskExecutor(address, patience_s=1.0) as executor:
            farm.kill("scheduler")
            with pytest.raises(DeviceError, match="give the same command again"):
                executor.wait(20.0)

    assert [one.is_lost for one in lost] == [True]
    assert done == [Ended("a", 2, worker="another")]
    assert "The scheduler does not answer; waiting for it." in said
    assert "The scheduler answers again." in said


def _wait_for_slots(executor: DaskExecutor, n: int) -> None:
    def has_slots() -> bool:
        executor.wait(0.1)
        return executor.n_slots == n

    wait_for(has_slots)


def test_no_scheduler_is_told_at_once() -> None:
    address = f"tcp://{HOST}:{a_free_port()}"

    with pytest.raises(DeviceError, match="No scheduler answers"):
        DaskExecutor(address).__enter__()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
def test_with_certificates_strangers_are_kept_out(tmp_path: Path) -> None:
    ca, certificate, key = make_certificates(tmp_path)
    words = ["--tls-ca-file", str(ca), "--tls-cert", str(certificate), "--tls-key", str(key)]
    with Farm(tmp_path) as farm:
        address = farm.start_scheduler(HOST, a_free_port(), *words)
        farm.start_worker("one", address, HOST, *words)
        with pytest.raises(InputError, match="needs all three files"):
            DaskExecutor(address).__enter__()
        with pytest.raises(DeviceError, match="No scheduler answers"):
            DaskExecutor(address.replace("tls", "tcp")).__enter__()
        with DaskExecutor(address, tls=Tls(ca, certificate, key)) as executor:
            _wait_for_slots(executor, 2)
            executor.submit("a", double, 4)
            assert collect(executor, 1)[0].value == 8


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(DependencyError, match=r"atlastumor\[cluster\]"):
        DaskExecutor("tcp://127.0.0.1:1").__enter__()
