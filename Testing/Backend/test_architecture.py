"""How the code is cut: the rules of the house, as tests."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import atlastumor
from atlastumor.organs import KEYS
from Backend.source_tree import REPOSITORY, name_of, parsed, python_files, tracked

BACKEND = REPOSITORY / "AtlasTumorLib" / "atlastumor"
APPLICATION = {"slicer", "qt", "ctk", "vtk", "PySide6", "AtlasTumorSlicer"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def imported(tree: ast.AST) -> set[str]:
    """The top-level names of what a file imports, inside functions too."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def public_modules() -> list[str]:
    """Dotted names of the backend's modules that are meant to be imported."""
    parts = (
        path.relative_to(BACKEND.parent).with_suffix("").parts for path in python_files(BACKEND)
    )
    names = {".".join(p[:-1] if p[-1] == "__init__" else p) for p in parts if p[-1] != "__main__"}
    return sorted(name for name in names if not any(p.startswith("_") for p in name.split(".")))


# 1. Arrows point one way.


def test_no_backend_file_imports_the_application() -> None:
    guilty = {
        name_of(path) for path in python_files(BACKEND) if imported(parsed(path)) & APPLICATION
    }

    assert not guilty


# 2. What is light stays light.


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        (
            "atlastumor, atlastumor.organs, atlastumor.errors, atlastumor.models.card",
            {"torch", "monai", "SimpleITK", "pydicom", "openvino"},
        ),
        ("atlastumor.cli", {"numpy", "scipy", "torch"}),
    ],
)
def test_importing_what_every_command_needs_loads_no_heavy_library(
    modules: str, heavy: set[str]
) -> None:
    code = f"import sys, {modules}; print(sorted({heavy!r} & set(sys.modules)))"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=BACKEND.parent
    )

    assert done.stdout.strip() == "[]"


# 3. A function fits in a glance, a file in a sitting. Complexity is ruff's to check.


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {name_of(p): len(p.read_text(encoding="utf-8").splitlines()) for p in python_files()}

    assert not {name: n for name, n in lengths.items() if n > 300}


def test_no_function_is_longer_than_50_lines() -> None:
    lengths = {
        f"{name_of(path)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in python_files()
        for node in ast.walk(parsed(path))
        if isinstance(node, FUNCTIONS) and node.end_lineno is not None
    }

    assert not {name: n for name, n in lengths.items() if n > 50}


# 4. `__all__` is what is public.


@pytest.mark.parametrize("name", public_modules())
def test_all_names_exactly_what_the_module_defines_in_public(name: str) -> None:
    module = importlib.import_module(name)
    tree = parsed(Path(str(module.__file__)))
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_")
    }

    named = getattr(module, "__all__", [])

    assert defined <= set(named)
    assert all(hasattr(module, public) for public in named)


# 5. Organs are named in one place.


def test_organs_are_named_in_the_organ_table_in_cards_and_in_the_phantom_only() -> None:
    guilty = {
        f"{name_of(path)}:{node.lineno} {node.value}"
        for path in python_files(REPOSITORY)
        if not path.is_relative_to(REPOSITORY / "Testing")
        and not path.is_relative_to(REPOSITORY / "Resources")
        and not path.is_relative_to(BACKEND / "phantom")
        and path != BACKEND / "organs.py"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and node.value in KEYS
    }

    assert not guilty


# 6. What CMake packages is the tree; Testing/Packaging builds and compares it for real.


def test_cmake_reads_the_library_from_the_tree_and_knows_every_module() -> None:
    top = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
    library = (REPOSITORY / "AtlasTumorLib/CMakeLists.txt").read_text(encoding="utf-8")
    packages = {p.parent.name for p in tracked() if p.parent.parent == BACKEND.parent and p.suffix}
    modules = {
        path.stem
        for path in python_files()
        if path.parent.parent == REPOSITORY and path.stem == path.parent.name
    }

    assert "CONFIGURE_DEPENDS" in library
    assert all(package in library for package in packages)
    assert modules == set(re.findall(r"^add_subdirectory\((Atlas\w+)\)$", top, re.M)) - {
        "AtlasTumorLib"
    }


# 7. Versions agree.


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (REPOSITORY / "Resources/Docs/CHANGELOG.md").read_text(encoding="utf-8")
    citation = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")

    newest = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changelog, re.MULTILINE)[0]
    cited = re.findall(r"^version: (\S+)$", citation, re.MULTILINE)

    assert {project["version"], newest, *cited} == {atlastumor.__version__}


def test_slicer_installs_what_the_project_declares() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = {*project["dependencies"], *extras["resenc"], *extras["openvino"]}
    calls = ast.walk(parsed(REPOSITORY / "AtlasTumorLib/AtlasTumorSlicer/Install.py"))
    installed = [
        node.args[0].value
        for node in calls
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Package"
        if isinstance(node.args[0], ast.Constant)
    ]

    names = {re.match(r"[\w-]+", text)[0] for text in declared}
    assert installed
    for requirement in installed:
        name, _, floor = str(requirement).partition(">=")
        assert name in names
        assert floor
        assert requirement in declared or not any(text.startswith(f"{name}>=") for text in declared)


# 8. Everything public says what it takes and gives; presence of a docstring is ruff's to check.


def public_functions(path: Path) -> Iterator[ast.FunctionDef]:
    """Module-level public functions, and public methods of public classes."""
    for node in parsed(path).body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        if not getattr(node, "name", "_").startswith("_"):
            yield from (
                member
                for member in members
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("_")
            )


def arguments(function: ast.FunctionDef) -> list[str]:
    spec = function.args
    names = [arg.arg for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]
    return [name for name in names if name not in {"self", "cls"} and not name.startswith("_")]


def test_every_public_function_with_several_arguments_documents_each() -> None:
    missing = {
        f"{name_of(path)}:{function.lineno} {function.name}({name})"
        for path in python_files(BACKEND)
        for function in public_functions(path)
        if len(arguments(function)) > 2
        for name in arguments(function)
        if not re.search(rf"\b{name}\b", str(ast.get_docstring(function)))
    }

    assert not missing


# 9. Cards are whole, and every key in them exists.


def test_every_card_loads_and_names_known_organs_and_networks() -> None:
    cards = importlib.import_module("atlastumor.models.card").list_cards()
    networks = importlib.import_module("atlastumor.networks").NETWORKS

    assert {card.id for card in cards} == {
        p.stem for p in (BACKEND / "models/cards").glob("*-v*.json")
    }
    for card in cards:
        assert card.network.name in networks
        assert {output.organ for output in card.outputs if output.kind == "tumor"} <= set(KEYS)
