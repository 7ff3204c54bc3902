"""Configure, build and install the extension as Slicer does, and run what came out."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
STUB = Path(__file__).parent / "StubSlicer"
MODULES = "lib/Slicer-5.12/qt-scripted-modules"

# The extension holds no compiled code, so no compiler is looked for.
NO_COMPILER = [
    f"-DCMAKE_{language}_COMPILER{suffix}"
    for language in ("C", "CXX")
    for suffix in (f"={shutil.which('true')}", "_FORCED=ON")
]

Result = subprocess.CompletedProcess[str]


def _run(*words: object) -> Result:
    return subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False
    )


def cmake(*arguments: object) -> Result:
    """Run cmake, the environment's own if it has one."""
    own = Path(sys.executable).with_name("cmake")
    return _run(own if own.exists() else "cmake", *arguments)


def configure(source: Path, build: Path) -> Result:
    """Configure an extension against the stub."""
    options = ("-G", "Unix Makefiles", "-Werror=dev", "-DBUILD_TESTING=ON", *NO_COMPILER)
    return cmake("-S", source, "-B", build, f"-DSlicer_DIR={STUB}", *options)


def run_installed(modules: Path, code: str, *more: Path) -> Result:
    """Run Python that sees the installed modules, the libraries and `more`, but not the checkout.

    `-S` skips site-packages and with it the link to the checkout that the environment holds;
    the libraries are put back by hand.
    """
    libraries = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    path = [str(folder) for folder in (modules, *libraries, *more)]
    return _run(sys.executable, "-I", "-S", "-c", f"import sys; sys.path += {path!r}\n{code}")
