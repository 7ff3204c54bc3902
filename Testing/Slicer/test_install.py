"""Are the worker's packages there, and may they be installed?"""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from atlastumor.errors import Cancelled, DependencyError


@pytest.fixture
def an_installer(a_slicer: Any, a_launcher: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes an installer whose check finds what the test says, and that notes its questions."""
    from AtlasTumorSlicer import Install

    def make(*faults: dict[str, str], answer: bool = True) -> Any:
        questions: list[str] = []

        def confirm(question: str) -> bool:
            questions.append(question)
            return answer

        installer = Install.Installer(confirm)
        found = list(faults)
        monkeypatch.setattr(installer, "findFaults", lambda: found.pop(0))
        installer.questions = questions
        return installer

    return make


def _with_torch_extension(monkeypatch: pytest.MonkeyPatch, calls: list[Any], result: Any) -> None:
    class PyTorchUtilsLogic:
        def installTorch(
            self,
            askConfirmation: bool = False,
            *,
            torchVersionRequirement: str | None = None,
        ) -> Any:
            calls.append((askConfirmation, torchVersionRequirement))
            if isinstance(result, Exception):
                raise result
            return result

    module = ModuleType("PyTorchUtils")
    module.PyTorchUtilsLogic = PyTorchUtilsLogic
    monkeypatch.setitem(sys.modules, "PyTorchUtils", module)


def _with_pip(
    monkeypatch: pytest.MonkeyPatch, calls: list[Any], error: Exception | None = None
) -> None:
    import slicer.packaging

    def pip_install(requirements: Any, **how: Any) -> None:
        calls.append((requirements, how))
        if error:
            raise error

    monkeypatch.setattr(slicer.packaging, "pip_install", pip_install)


TORCH, MONAI = "torch>=2.6", "monai>=1.5"
RESENC = "dynamic-network-architectures>=0.4"


def test_the_check_runs_in_the_workers_interpreter(a_slicer: Any, a_launcher: Path) -> None:
    from AtlasTumorSlicer.Install import Installer, Package

    installer = Installer(
        packages=(
            Package("numpy>=1.0", "numpy", 1),
            Package("numpy>=999", "numpy", 1),
            Package("no-such-package-here", "no_such_package_here", 1),
            Package("numpy>=1.1", "no_such_module_here", 1),
        )
    )

    faults = installer.findFaults()

    assert set(faults) == {"numpy>=999", "no-such-package-here", "numpy>=1.1"}
    assert "too old" in faults["numpy>=999"]
    assert faults["no-such-package-here"] == "is not installed"
    assert "cannot be imported" in faults["numpy>=1.1"]


def test_an_interrupted_installation_does_not_count(
    a_slicer: Any, a_launcher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from AtlasTumorSlicer.Install import Installer, Package

    (tmp_path / "half_there").mkdir()
    info = tmp_path / "half_there-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: half-there\nVersion: 1.0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    faults = Installer(packages=(Package("half-there", "half_there", 1),)).findFaults()

    assert "incomplete" in faults["half-there"]


def test_checking_never_imports_torch_into_slicer(a_slicer: Any, a_launcher: Path) -> None:
    from AtlasTumorSlicer.Install import Installer, Package

    before = "torch" in sys.modules
    Installer(packages=(Package("torch>=2.0", "torch", 1),)).findFaults()
    assert ("torch" in sys.modules) == before


def test_nothing_is_asked_when_nothing_is_missing(an_installer: Any) -> None:
    installer = an_installer({})
    installer.ensure()
    installer.ensure()  # the second time nothing is looked at: `findFaults` would have no answer
    assert installer.questions == []


def test_the_question_names_every_package_and_its_size(an_installer: Any) -> None:
    installer = an_installer({TORCH: "is not installed", MONAI: "is not installed"}, answer=False)

    with pytest.raises(Cancelled):
        installer.ensure()

    (question,) = installer.questions
    assert "torch>=2.6: about 3000 MB" in question
    assert "monai>=1.5: about 16 MB" in question
    assert "3016 MB" in question


def test_torch_comes_from_its_extension_and_the_rest_from_pip(
    an_installer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch_calls: list[Any] = []
    pip_calls: list[Any] = []
    _with_torch_extension(monkeypatch, torch_calls, ModuleType("torch"))
    _with_pip(monkeypatch, pip_calls)
    installer = an_installer({TORCH: "-", MONAI: "-", RESENC: "-"}, {})

    installer.ensure()

    assert torch_calls == [(False, ">=2.6")]
    assert pip_calls == [
        ([MONAI], {"requester": "AtlasTumor", "no_deps_requirements": [RESENC]}),
    ]


def test_a_package_that_comes_alone_brings_nothing_along(
    an_installer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip_calls: list[Any] = []
    _with_pip(monkeypatch, pip_calls)

    an_installer({RESENC: "-"}, {}).ensure()

    assert pip_calls == [(["--no-deps", RESENC], {"requester": "AtlasTumor"})]


def test_without_the_torch_extension_the_next_step_is_told(
    an_installer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    with pytest.raises(DependencyError, match=r"PyTorch extension.*Extensions Manager"):
        an_installer({TORCH: "-"}).ensure()


def test_a_failed_installation_names_the_package_and_keeps_the_log(
    an_installer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = subprocess.CalledProcessError(1, ["pip"], output="No space left on device")
    _with_pip(monkeypatch, [], failure)
    installer = an_installer({MONAI: "-"}, {MONAI: "-"}, {})

    with pytest.raises(DependencyError, match=r"monai>=1.5 could not be installed") as caught:
        installer.ensure()
    assert "No space left on device" in caught.value.log

    _with_pip(monkeypatch, [])
    with pytest.raises(DependencyError, match="did not help"):
        an_installer({MONAI: "-"}, {MONAI: "is not installed"}).ensure()


def test_a_no_in_the_panel_stops_quietly(
    a_panel: Any, a_scan: Any, a_slicer: Any, wait_for: Any
) -> None:
    import qt

    from AtlasTumorSlicer.Install import Installer, Package

    a_panel.widget.installer = Installer(packages=(Package("no-such-package", "nothing", 7),))
    a_panel.ui.inputSelector.setCurrentNode(a_scan)
    a_slicer.user.answer(qt.QMessageBox.Cancel)

    a_panel.ui.applyButton.click()

    (dialog,) = a_slicer.user.seen
    assert "no-such-package: about 7 MB" in dialog.text
    assert a_panel.ui.applyButton.text == "Apply"
    assert a_panel.ui.stageLabel.text == "Cancelled"
    assert not a_panel.logic.isRunning


def test_a_failure_in_the_panel_is_one_dialog_with_the_log(
    a_panel: Any, a_scan: Any, a_slicer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import qt

    from AtlasTumorSlicer.Install import Installer, Package

    _with_pip(monkeypatch, [], subprocess.CalledProcessError(1, ["pip"], output="Proxy says no"))
    a_panel.widget.installer = Installer(packages=(Package("no-such-package", "nothing", 7),))
    a_panel.ui.inputSelector.setCurrentNode(a_scan)
    a_slicer.user.answer(qt.QMessageBox.Ok)

    a_panel.ui.applyButton.click()

    question, failure = a_slicer.user.seen
    assert "Install them now?" in question.text
    assert "no-such-package could not be installed" in failure.text
    assert "Proxy says no" in failure.details
    assert a_panel.ui.applyButton.enabled


@pytest.mark.parametrize("which", ["torch", "pip"])
def test_what_is_cancelled_during_an_installation_goes_no_further(
    an_installer: Any, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    from AtlasTumorSlicer import Install

    installed: list[str] = []

    def install(name: str) -> None:
        installed.append(name)
        if name == which:
            installer.cancel()  # the windows live

    monkeypatch.setattr(Install, "_installTorch", lambda: install("torch"))
    monkeypatch.setattr(Install, "_installWithPip", lambda _rest: install("pip"))
    installer = an_installer({TORCH: "-", MONAI: "-"}, {})

    with pytest.raises(Cancelled):
        installer.ensure()

    assert installed[-1] == which
