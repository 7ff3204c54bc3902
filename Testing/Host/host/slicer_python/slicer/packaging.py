"""Stand-in of `slicer.packaging` (5.12): nothing is ever installed.

Calls are written down in `host_calls`. What a test wants to be absent goes into `host_missing`;
whether the user agrees to an installation is asked by a real message box (see `host.qt_dialogs`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import slicer
from packaging.requirements import Requirement

__all__ = [
    "Requirement",
    "host_calls",
    "host_missing",
    "host_reset",
    "isPipInstallInProgress",
    "load_pyproject_dependencies",
    "load_requirements",
    "pip_check",
    "pip_ensure",
    "pip_install",
    "pip_uninstall",
]

Requirements = str | Requirement | list[str | Requirement]

host_calls: list[tuple[str, list[str]]] = []
"""Calls that would have installed or removed: the function's name and the requirements."""
host_missing: set[str] = set()
"""Distributions that count as absent."""
_installed: set[str] = set()


def host_reset() -> None:
    """Forget all calls and all told absences."""
    host_calls.clear()
    host_missing.clear()
    _installed.clear()


def _as_list(requirements: Requirements) -> list[Requirement]:
    if isinstance(requirements, str | Requirement):
        requirements = [requirements]
    return [one if isinstance(one, Requirement) else Requirement(one) for one in requirements]


def load_requirements(path: str | Path) -> list[Requirement]:
    """Read a `requirements.txt`."""
    lines = (line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


def load_pyproject_dependencies(path: str | Path) -> list[Requirement]:
    """Read the dependencies of a `pyproject.toml`."""
    project = tomllib.loads(Path(path).read_text(encoding="utf-8"))["project"]
    return [Requirement(text) for text in project.get("dependencies", [])]


def _is_met(requirement: Requirement) -> bool:
    if requirement.extras:
        raise NotImplementedError(f"The test host does not check the extras of {requirement}")
    if requirement.marker and not requirement.marker.evaluate():
        return True
    if requirement.name in _installed:
        return True
    if requirement.name in host_missing:
        return False
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    return version in requirement.specifier


def pip_check(req: Requirements) -> bool:
    """Whether all requirements are met."""
    return all(_is_met(one) for one in _as_list(req))


def isPipInstallInProgress() -> bool:
    """Whether an installation runs: never."""
    return False


def pip_ensure(
    requirements: Requirements,
    constraints: str | Path | None = None,  # noqa: ARG001 - Slicer's signature
    skip_packages: list[str] | None = None,
    prompt_install: bool = True,
    prompt_restart: bool = True,  # noqa: ARG001 - Slicer's signature
    requester: str | None = None,
    skip_in_testing: bool = True,  # noqa: ARG001 - Slicer's signature
    show_progress: bool = True,  # noqa: ARG001 - Slicer's signature
) -> list[str] | None:
    """Pretend to install what is missing, if the user agrees.

    Raises:
        RuntimeError: If the user declines.
    """
    missing = [str(one) for one in _as_list(requirements) if not _is_met(one)]
    if not missing:
        return None
    title = f"{requester} - Install Python Packages" if requester else "Install Python Packages"
    question = f"{len(missing)} Python packages need to be installed. Continue?"
    if prompt_install and not slicer.util.confirmOkCancelDisplay(
        question, title, detailedText="\n".join(missing)
    ):
        raise RuntimeError("User declined package installation")
    return pip_install(missing, skip_packages=skip_packages)


def pip_install(
    requirements: str | list[str],
    constraints: str | Path | None = None,  # noqa: ARG001 - Slicer's signature
    no_deps_requirements: str | list[str] | None = None,
    skip_packages: list[str] | None = None,
    blocking: bool = True,
    show_progress: bool = True,  # noqa: ARG001 - Slicer's signature
    requester: str | None = None,  # noqa: ARG001 - Slicer's signature
    logCallback: Callable[[str], None] | None = None,
    completedCallback: Callable[[int], None] | None = None,
) -> list[str] | None:
    """Pretend to install."""
    texts = [requirements] if isinstance(requirements, str) else list(requirements)
    host_calls.append(("pip_install", [*texts, *_texts(no_deps_requirements)]))
    _installed.update(one.name for one in _as_list(texts))
    if not blocking:
        if logCallback:
            logCallback("test host: nothing was installed")
        if completedCallback:
            completedCallback(0)
    return [] if skip_packages else None


def _texts(requirements: str | list[str] | None) -> list[str]:
    return [requirements] if isinstance(requirements, str) else list(requirements or [])


def pip_uninstall(requirements: str | list[str], **_options: Any) -> None:
    """Pretend to remove."""
    host_calls.append(("pip_uninstall", _texts(requirements)))
    host_missing.update(_texts(requirements))
