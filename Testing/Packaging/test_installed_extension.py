"""What is installed is what is in the repository, and it runs from there alone."""

from __future__ import annotations

import ast
import filecmp
from pathlib import Path

import pytest

from Packaging.building import REPOSITORY, configure, run_installed

PACKAGED = {".py", ".ui", ".json", ".safetensors", ".png", ".typed", ".txt"}
MODULES = ("AtlasTumorSeg", "AtlasTumorSynth", "AtlasFROC")
ROOTS = ("AtlasTumorLib", *MODULES)
BUILD_FILES = {"CMakeLists.txt"}


def sources() -> dict[Path, Path]:
    """Every file that must be packaged, by its place among the scripted modules."""
    return {
        path.relative_to(REPOSITORY / root): path
        for root in ROOTS
        for path in (REPOSITORY / root).rglob("*")
        if path.suffix in PACKAGED
        and path.name not in BUILD_FILES
        and not any(part == "__pycache__" or part.endswith(".egg-info") for part in path.parts)
    }


def our_imports(path: Path, modules: Path) -> set[str]:
    """The dotted names of our own packages that an installed file imports."""
    ours = {entry.stem for entry in modules.iterdir()}
    package = path.relative_to(modules).parent.parts
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            names.add(".".join((*base, *([node.module] if node.module else []))))
    return {name for name in names if name.split(".")[0] in ours}


def test_every_file_of_the_source_tree_is_installed_unchanged(an_installed_extension: Path) -> None:
    expected = sources()

    installed = {
        path.relative_to(an_installed_extension)
        for path in an_installed_extension.rglob("*")
        if path.is_file()
    }

    assert installed == set(expected)
    for place, source in expected.items():
        assert filecmp.cmp(source, an_installed_extension / place, shallow=False), place


def test_every_import_of_our_own_code_is_found_among_the_installed_files(
    an_installed_extension: Path,
) -> None:
    for path in an_installed_extension.rglob("*.py"):
        for name in our_imports(path, an_installed_extension):
            target = an_installed_extension.joinpath(*name.split("."))
            found = target.with_suffix(".py").exists() or (target / "__init__.py").exists()
            assert found, f"{path.name} imports {name}, which is not installed"


def test_the_command_line_runs_from_the_installed_files_alone(an_installed_extension: Path) -> None:
    done = run_installed(
        an_installed_extension,
        "import runpy; sys.argv = ['atlastumor', 'organs']\n"
        "runpy.run_module('atlastumor', run_name='__main__', alter_sys=True)",
    )

    assert done.returncode == 0, done.stderr
    assert "esophagus" in done.stdout.lower()
    assert done.stderr == ""


@pytest.mark.slow
def test_every_backend_module_imports_from_the_installed_files_alone(
    an_installed_extension: Path,
) -> None:
    names = [
        ".".join(path.relative_to(an_installed_extension).with_suffix("").parts)
        for path in sorted((an_installed_extension / "atlastumor").rglob("*.py"))
        if path.stem not in {"__main__", "__init__"}
    ]

    done = run_installed(
        an_installed_extension,
        f"import importlib\nfor name in {names!r}:\n"
        "    print(importlib.import_module(name).__file__)",
    )

    assert done.returncode == 0, done.stderr
    places = done.stdout.split()
    assert len(places) == len(names)
    assert all(Path(place).is_relative_to(an_installed_extension) for place in places)


LOAD_MODULE = """
from pathlib import Path
from host.session import start

session = start()
scripts = (Path(folder) / f"{name}.py" for folder in sys.path)
module = session.load(next(script for script in scripts if script.exists()))
widget = module.widgetRepresentation().self()
session.application.processEvents()
assert not session.errors(), session.errors()
assert type(widget).__name__ == f"{name}Widget"
for one, loaded in list(sys.modules.items()):
    if one.startswith(("atlastumor", "AtlasTumor", "AtlasFROC")):
        print(loaded.__file__)
session.application.quit()
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_the_panel_is_built_from_the_installed_files_alone(
    an_installed_extension: Path, name: str
) -> None:
    pytest.importorskip("slicer_core", reason="the test host needs slicer-core")
    pytest.importorskip("PySide6", reason="the test host needs PySide6-Essentials")

    code = f"name = {name!r}\n{LOAD_MODULE}"
    done = run_installed(an_installed_extension, code, REPOSITORY / "Testing/Host")

    assert done.returncode == 0, done.stdout + done.stderr
    places = [Path(line) for line in done.stdout.splitlines() if line.endswith(".py")]
    assert an_installed_extension / f"{name}.py" in places
    assert all(place.is_relative_to(an_installed_extension) for place in places)


def test_a_module_that_forgets_its_own_script_does_not_configure(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "Other.py").touch()
    (source / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16.3...3.28)\n"
        "project(Lonely)\n"
        "find_package(Slicer REQUIRED)\n"
        "include(${Slicer_USE_FILE})\n"
        "slicerMacroBuildScriptedModule(NAME Lonely SCRIPTS Other.py)\n",
        encoding="utf-8",
    )

    done = configure(source, tmp_path / "build")

    assert done.returncode != 0
    assert "does not list its own Lonely.py" in done.stderr
