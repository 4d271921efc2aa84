"""The laws of the project as a whole: who imports whom, what is declared, what ships, what starts."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import packages_distributions
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if TYPE_CHECKING:
    from tests.conftest import Golden

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# Data flows one way: specs → workloads, arch → mappings → sim, rtl → reports. Nothing imports upward.
MAY_IMPORT: dict[str, set[str]] = {
    "specs": set(),
    "workloads": {"specs"},
    "arch": {"specs"},
    "mappings": {"specs", "workloads", "arch"},
    "sim": {"specs", "workloads", "arch", "mappings"},
    "rtl": {"specs", "workloads", "arch", "mappings"},
    "reports": {"specs", "workloads", "arch", "mappings", "sim", "rtl"},
}
SLOW_TO_IMPORT = ("amaranth", "matplotlib", "numba", "pandas")  # each costs the better part of a second


def requirements(*, dev: bool) -> list[Requirement]:
    """What pyproject.toml declares: dependencies and extras, with the developers' extra or without."""
    extras = PROJECT["project"]["optional-dependencies"]
    lines = list(PROJECT["project"]["dependencies"])
    lines += [line for extra in extras if dev or extra != "dev" for line in extras[extra]]
    return [Requirement(line) for line in lines]


def pins() -> dict[str, Version]:
    """The versions in constraints.txt, by canonical name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(name): Version(version) for name, version in (x.split("==") for x in lines)}


def modules(folder: str) -> list[Path]:
    """Every Python file of one top-level folder."""
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """The top-level name and the line of each absolute import in a file, deferred or by name too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0], node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names = [x.value for x in node.args[:1] if isinstance(x, ast.Constant)]
            yield from ((str(name).partition(".")[0], node.lineno) for name in names)


def tracked_files() -> list[Path]:
    """Every file under version control, and every new one that is not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listing.returncode != 0:
        pytest.skip("not a git checkout, so no list of tracked files")
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_every_package_has_its_row_and_ships() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(MAY_IMPORT)
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == packages


def test_packages_are_imported_from_this_repository(tmp_path: Path) -> None:
    """The import names are generic, so another project's `specs` may shadow ours; ask an isolated start."""
    names = sorted(MAY_IMPORT)
    code = f"import json, {', '.join(names)}; print(json.dumps([m.__file__ for m in ({', '.join(names)},)]))"
    command = [sys.executable, "-I", "-c", code]
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert json.loads(out) == [str(ROOT / name / "__init__.py") for name in names]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_package_imports_only_from_below(package: str) -> None:
    others = set(MAY_IMPORT) | {"tests", "benchmarks"}
    forbidden = others - MAY_IMPORT[package] - {package}
    upward = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules(package)
        for name, line in imports(path)
        if name in forbidden
    ]
    assert upward == []


@pytest.mark.parametrize("folder", [*MAY_IMPORT, "benchmarks", "tests"])
def test_every_imported_library_is_declared(folder: str) -> None:
    declared = {canonicalize_name(r.name) for r in requirements(dev=folder not in MAY_IMPORT)}
    ours = set(MAY_IMPORT) | {"tests"}
    distributions = packages_distributions()
    undeclared = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules(folder)
        for name, line in imports(path)
        if name not in sys.stdlib_module_names
        and name not in ours
        and declared.isdisjoint(canonicalize_name(d) for d in distributions.get(name, [name]))
    ]
    assert undeclared == []


def test_every_module_says_what_lives_there() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for folder in [*MAY_IMPORT, "benchmarks", "tests"]
        for path in modules(folder)
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"common", "helper", "helpers", "misc", "util", "utils"}
    found = [path for folder in MAY_IMPORT for path in modules(folder) if drawers & {*path.parts, path.stem}]
    assert found == []


def test_help_loads_no_slow_library() -> None:
    code = (
        "import json, sys\n"
        "from reports.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit as exit:\n"
        "    code = exit.code\n"
        f"loaded = [name for name in {SLOW_TO_IMPORT!r} if name in sys.modules]\n"
        "print(json.dumps({'code': code, 'loaded': loaded}), file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(run.stderr) == {"code": 0, "loaded": []}
    assert "simulate" in run.stdout


def test_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [x for x in lines if not re.fullmatch(r"[A-Za-z0-9][\w.-]*==\d[\w.]*", x)] == []
    names = [x.split("==")[0].lower() for x in lines]
    assert names == sorted(set(names))


@pytest.mark.parametrize("requirement", requirements(dev=True), ids=lambda requirement: requirement.name)
def test_requirement_has_both_bounds_and_a_tested_version_within(requirement: Requirement) -> None:
    assert {bound.operator for bound in requirement.specifier} == {">=", "<"}
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_no_file_names_a_package_registry() -> None:
    address = re.compile(rb"https?://\S*pypi")
    assert [str(path) for path in tracked_files() if address.search(path.read_bytes())] == []


def test_changelog_begins_with_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[?(\d+\.\d+\.\d+)", changelog, re.M)
    assert versions[0] == PROJECT["project"]["version"]
    assert versions == sorted(versions, key=Version, reverse=True)


def test_wheel_holds_every_file_of_every_package(tmp_path: Path) -> None:
    """A line too many in .gitignore silently drops files from the wheel; the YAML libraries must be in it."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in MAY_IMPORT
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == ours


def test_slow_tests_run_last() -> None:
    from tests.conftest import pytest_collection_modifyitems

    def item(name: str, *, slow: bool) -> SimpleNamespace:
        return SimpleNamespace(name=name, get_closest_marker=lambda marker: slow or None)

    items = [item("a", slow=True), item("b", slow=False), item("c", slow=True), item("d", slow=False)]
    pytest_collection_modifyitems(items)  # type: ignore[arg-type]
    assert [x.name for x in items] == ["b", "d", "a", "c"]


def test_golden_file_is_written_on_request_and_compared_otherwise(golden: Golden, tmp_path: Path) -> None:
    assert golden.path.relative_to(ROOT).parts[:3] == ("tests", "golden", "test_project")
    kept = replace(golden, path=tmp_path / "new" / "kept.txt", update=False)
    with pytest.raises(AssertionError, match=r"^no golden file .*kept\.txt; run this test with --update"):
        kept.check("one\n")
    replace(kept, update=True).check("one\n")
    kept.check("one\n")
    with pytest.raises(AssertionError, match=r"differs from .*kept\.txt; run this test with --update"):
        kept.check("two\n")
