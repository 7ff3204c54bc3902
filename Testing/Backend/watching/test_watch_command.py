"""`atlastumor watch` at its start: what is wrong is said in a sentence, and nothing is left."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlastumor.cli import main
from atlastumor.cohorts.folder import CohortFolder
from atlastumor.errors import AtlasTumorError, DeviceError, OutputError
from atlastumor.watching.starting import _discreet, _signals
from atlastumor.watching.systemd import READY, tell_systemd
from Backend.hospital.orthanc import a_free_port
from Backend.watching.process import MODEL

# pynetdicom leaves the socket of a refused connection to the garbage collector.
UNCLOSED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    logging.captureWarnings(capture=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def run(*words: object) -> int:
    return main(["watch", *map(str, words)])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "out"], "one of the arguments --folder --listen is required"),
        (["--folder", "in", "--listen", "A:1", "-o", "out"], "not allowed with"),
        (["--listen", "11112", "-o", "out"], "AE:PORT"),
        (["--folder", "in", "-o", "out", "--send-again"], "--send-again needs --send-to"),
        (["--listen", "A:99999", "-o", "out"], "AE:PORT"),
        (["--folder", "in", "-o", "out", "--health", "8080"], "HOST:PORT"),
        (["--folder", "in", "-o", "out", "--still", "-1"], "from 0 on"),
        (["--folder", "in", "-o", "out", "--keep-free-gb", "nan"], "from 0 on"),
        (
            ["--folder", "in", "-o", "out", "--send-to", "A@h:1", "--format", "nifti"],
            "--send-to sends DICOM",
        ),
    ],
)
def test_words_that_make_no_sense_end_in_two(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    assert said in capsys.readouterr().err


@pytest.fixture
def start(
    folder: Path, tmp_path: Path, a_models_folder: Path, capsys: pytest.CaptureFixture[str]
) -> object:
    """Starts the service with more words; its exit code and what it said."""

    def start(*words: object, source: tuple[object, ...] = ("--folder", folder)) -> tuple[int, str]:
        model = ("--model", MODEL, "--models-dir", a_models_folder, "--device", "cpu")
        code = run(*source, "-o", tmp_path / "out", "--health", "none", *model, *words)
        return code, capsys.readouterr().err

    return start


def test_a_folder_that_is_not_there(start, tmp_path: Path) -> None:
    code, said = start(source=("--folder", tmp_path / "nowhere"))

    assert code == 3
    assert "cannot be watched" in said


def test_results_within_the_watched_folder(start, folder: Path) -> None:
    code, said = start("-o", folder / "out")

    assert code == 3
    assert "lies within the input" in said


def test_a_runner_at_work_in_the_same_folder(start, tmp_path: Path) -> None:
    with CohortFolder(tmp_path / "out").locked():
        code, said = start()

    assert code == 3
    assert "is at work in" in said


@UNCLOSED
def test_no_peer_at_an_address_that_never_answered(start) -> None:
    code, said = start("--send-to", f"PACS@127.0.0.1:{a_free_port()}")

    assert code == 5
    assert "cannot be reached" in said


@pytest.mark.parametrize("what", ["health", "listen"])
def test_a_port_that_is_taken(what: str, start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        if what == "health":
            code, said = start("--health", f"127.0.0.1:{port}")
        else:
            code, said = start(source=("--listen", f"ATLAS:{port}"))

    assert code in {3, 5}
    assert "Name another" in said


def test_a_model_whose_weights_are_missing(start, a_models_folder: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "tiny.json").write_text((a_models_folder / "tiny.json").read_text())

    code, said = start("--models-dir", models)

    assert code == 3
    assert "weights" in said.lower()


def test_systemd_is_told_where_it_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_systemd(READY)  # nobody asks
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        tell_systemd(READY)

        assert systemd.recv(100) == b"READY=1"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_stops_and_the_second_does_not_wait(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with _signals() as (stop, give_up):
        signal.raise_signal(number)
        assert (stop.is_set(), give_up.is_set()) == (True, False)
        signal.raise_signal(number)
        assert give_up.is_set()

    assert signal.getsignal(number) is before


class Ending:
    """A service that ends by an error."""

    def __init__(self, error: Exception, *, is_ready: bool) -> None:
        self.error, self.has_been_ready = error, is_ready

    def run(self) -> None:
        with _discreet(self):  # type: ignore[arg-type]
            raise self.error


def test_what_is_wrong_at_the_start_is_said_in_full() -> None:
    with pytest.raises(OutputError, match="Doe_Jane"):
        Ending(OutputError("No room for Doe_Jane."), is_ready=False).run()


@pytest.mark.parametrize(
    ("error", "code"), [(OutputError("Doe_Jane"), 3), (DeviceError("Doe_Jane"), 4)]
)
def test_what_ends_a_service_at_work_names_nobody(error: Exception, code: int) -> None:
    with pytest.raises(AtlasTumorError) as raised:
        Ending(error, is_ready=True).run()

    assert raised.value.exit_code == code
    assert type(error).__name__ in str(raised.value)
    assert "Doe" not in str(raised.value)


def test_a_bug_ends_a_service_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        Ending(KeyError("Doe_Jane"), is_ready=True).run()

    assert raised.value.code == 1
    assert "Doe" not in capsys.readouterr().err
