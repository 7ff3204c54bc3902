"""Studies that come by a DICOM port: kept, taken once, and deleted when they are old."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from atlastumor.cohorts.rows import State
from atlastumor.errors import NetworkError
from atlastumor.hospital import Peer, send
from atlastumor.watching.service import Limits
from atlastumor.watching.sources import Port, PortSource
from Backend.hospital.orthanc import a_free_port
from Backend.watching.pretend import STILL_S, PretendedEngine, a_service, write_study


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def a_source(out: Path, port: int = 0) -> PortSource:
    return PortSource(
        out / "received",
        Port("ATLAS", "127.0.0.1", port, STILL_S, keep_free_bytes=0),
    )


def received(out: Path) -> list[str]:
    """Names of files that came; folders may go while they are listed."""
    return [name for _, _, names in os.walk(out / "received") for name in names]


def send_to(source: PortSource, study: Path) -> None:
    assert not send(Peer("127.0.0.1", source.number, "ATLAS", timeout_s=10), [study]).failed


def test_a_study_is_taken_once_however_often_it_is_sent(out: Path, tmp_path: Path) -> None:
    study, source = write_study(tmp_path / "study"), a_source(out)
    with a_service(out, source) as running:
        for _ in range(3):
            send_to(source, study)
            running.until_done(1)

        assert len(running.engine.ran) == 1


def receive_alone(out: Path, study: Path) -> None:
    """Receive a study while no service looks at it."""
    source = a_source(out)
    source.open()
    send_to(source, study)
    source.close()


def test_a_series_that_comes_later_is_a_case_of_its_own(out: Path, tmp_path: Path) -> None:
    source = a_source(out)
    with a_service(out, source, series="all") as running:
        send_to(source, write_study(tmp_path / "first", series=1))
        running.until_done(1)
        send_to(source, write_study(tmp_path / "second", series=2))
        running.until_done(2)

        assert len(set(running.engine.ran)) == 2


def test_a_study_that_was_received_and_not_looked_at_is_taken_after_a_restart(
    out: Path, tmp_path: Path
) -> None:
    receive_alone(out, write_study(tmp_path / "study"))
    (out / "received" / ".going-1").mkdir()
    (out / "cases").mkdir()

    with a_service(out, a_source(out)) as running:
        running.until_done(1)

    assert not list((out / "received").glob(".going-*"))


def test_old_studies_are_deleted_and_their_results_kept(out: Path, tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    source, limits = a_source(out), Limits(keep_free_bytes=0, keep_received_days=2)
    with a_service(out, source, limits=limits) as running:
        send_to(source, study)
        running.until_done(1)
    assert received(out)
    for path in (out / "received").rglob("*"):
        os.utime(path, (time.time() - 3 * 86_400,) * 2)

    source = a_source(out)
    with a_service(out, source, limits=limits) as running:
        running.until(lambda: not received(out))
        assert len(running.results) == 1

        send_to(source, study)  # the same again: its result is still there
        running.until(lambda: received(out))
        running.until_idle()
        assert running.engine.ran == []


def test_old_studies_that_nobody_looked_at_are_kept_until_somebody_has(
    out: Path, tmp_path: Path
) -> None:
    receive_alone(out, write_study(tmp_path / "study"))
    for path in (out / "received").rglob("*"):
        os.utime(path, (time.time() - 3 * 86_400,) * 2)
    (out / "cases").mkdir()

    limits = Limits(keep_free_bytes=0, keep_received_days=2)
    with a_service(out, a_source(out), limits=limits) as running:
        running.until_done(1)


def test_old_studies_that_still_wait_are_kept(out: Path, tmp_path: Path) -> None:
    source, limits = a_source(out), Limits(keep_free_bytes=0, keep_received_days=0)
    engine = PretendedEngine(is_slow=True)
    with a_service(out, source, limits=limits, engine=engine) as running:
        send_to(source, write_study(tmp_path / "study"))
        running.until(lambda: running.counts[State.RUNNING] == 1)
        assert running.service is not None
        running.service._next_tidy_s = 0.0
        time.sleep(0.5)

        assert received(out)
        engine.release()


def test_a_port_that_is_taken_is_an_error(out: Path, tmp_path: Path) -> None:
    port = a_free_port()
    first = a_source(tmp_path / "other", port)
    first.open()
    try:
        with pytest.raises(NetworkError, match="Name another port"):
            a_source(out, port).open()
    finally:
        first.close()
