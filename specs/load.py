"""From a document to a checked model: overrides, ties, validation, and libraries of named specs.

The order is: read the file, set the overrides, resolve the ties, validate. Every problem of all four is
reported together, at its place in the file or in the argument.
"""

import copy
import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from specs import faults, paths, ties
from specs.document import Document, read_file, read_value
from specs.marks import Key
from specs.model import schema
from specs.paths import dotted
from specs.problems import Place, Problem, SpecError, shorten, unknown
from specs.reference import parse_reference

__all__ = ["Library", "Loaded", "load_file", "schema", "validate"]

M = TypeVar("M")


@dataclass(frozen=True)
class Loaded(Generic[M]):
    """A spec that passed: its model, and where each of its values came from.

    `overrides` holds the values set by the argument, by full dotted path.
    """

    model: M
    document: Document
    name: str
    overrides: dict[str, Any] = field(default_factory=dict)
    kind: str = "spec"
    reference: str = ""

    def place(self, path: Key = (), offset: int = 0, key: bool = False) -> Place:
        """The place of a value or its key in the file; the argument, for a path that an override set."""
        return _place(self.document, self.overrides, self.kind, self.reference, tuple(path), offset, key)


def validate(
    document: Document,
    model: Any,
    kind: str,
    overrides: Iterable[tuple[str, str]] = (),
    reference_text: str = "",
) -> Loaded[Any]:
    """Check a document against a model (a pydantic class, or a union of them) and return both.

    A document with problems of its own is checked for others, and then refused.

    `overrides` are (key, value) texts; a key is a dotted path or a unique end of one. Raises SpecError with
    every problem.

    >>> from specs.document import read_text
    >>> from specs.model import Spec
    >>> from specs.quantity import Count
    >>> class Array(Spec):
    ...     rows: Count
    ...     cols: Count
    >>> class Machine(Spec):
    ...     ties = True
    ...     array: Array
    >>> document = read_text("array: {rows: 4, cols: = 2 * rows}", "toy.yaml")
    >>> validate(document, Machine, "arch", [("rows", "1Ki")]).model.array.cols
    2048
    """
    data = copy.deepcopy(document.value)
    problems: list[Problem] = list(document.problems)
    applied: dict[str, Any] = {}
    argument = _argument(kind, reference_text)
    for key, text in overrides:
        try:
            path = _override_path(key, model, data, kind)
            value = read_value(text, str(argument))
            _set(data, path, value)
            applied[dotted(path)] = value
        except SpecError as error:
            problems += [Problem(f"{key}: {each.message}", argument) for each in error.problems]
        except ValueError as error:
            problems.append(Problem(str(error), argument))

    def place(path: Key, offset: int = 0, key: bool = False) -> Place:
        return _place(document, applied, kind, reference_text, path, offset, key)

    failed: dict[Key, Problem] = {path: problem for path, problem in document.unread.items() if path}
    if any(getattr(each, "ties", False) for each in paths.models(model, data)):
        slots, legal = paths.slots(model, data), paths.legal_paths(model, data)
        values, failed = ties.resolve_ties(data, slots, legal, place, failed)
        problems += failed.values()
        for tied, number in values.items():
            _set(data, tied, number)
    checked = None
    try:
        checked = _adapter(model).validate_python(data, extra="forbid")
    except ValidationError as error:
        details = error.errors(include_url=False)
        found = faults.problems(details, data, model, kind, place)
        problems += [problem for problem, path in found.items() if path not in failed]
    if problems:
        raise SpecError(problems)
    name = _name(document, kind) or Path(document.source).stem
    return Loaded(checked, document, name, applied, kind, reference_text)


def load_file(
    path: Path | str,
    model: Any,
    kind: str,
    overrides: Iterable[tuple[str, str]] = (),
    reference_text: str = "",
) -> Loaded[Any]:
    """Read and validate one file. Raises SpecError."""
    return validate(read_file(path), model, kind, overrides, reference_text or str(path))


INSTALLED = Path(__file__).resolve().parent.parent  # where einfuse's own folders lie


@dataclass(frozen=True)
class Library:
    """The specs of one kind that ship in a folder (or several), one `NAME.yaml` each.

    `model` is what they are validated against. A spec names itself under the key of its kind (`arch:
    fusemax-cloud`) or under `name`, and its file is called so too.
    """

    kind: str
    folder: Path | tuple[Path, ...]
    model: Any

    @property
    def folders(self) -> tuple[Path, ...]:
        return self.folder if isinstance(self.folder, tuple) else (self.folder,)

    def names(self) -> tuple[str, ...]:
        """The names of all specs here, sorted."""
        return tuple(sorted({file.stem for folder in self.folders for file in folder.glob("*.yaml")}))

    def __contains__(self, name: str) -> bool:
        return name in _names(self)

    def path(self, name: str) -> Path:
        """The file of a name. Raises SpecError with the nearest name if there is none."""
        found = [folder / f"{name}.yaml" for folder in self.folders if name in _stems(folder)]
        if not found:
            legal = unknown(self.kind, name, self.names())
            raise SpecError(f"{legal} (or a path to a .yaml file)")
        if len(found) > 1:
            files = " and ".join(str(file) for file in found)
            raise SpecError(f"{self.kind} '{name}' is in two files: {files}")
        return found[0]

    def _shown(self, name: str) -> str:
        """How messages call a file of einfuse's own: `arch/library/systolic.yaml`, wherever it is installed."""
        file = self.path(name).resolve()
        return file.relative_to(INSTALLED).as_posix() if file.is_relative_to(INSTALLED) else ""

    def load(self, reference: str) -> Loaded[Any]:
        """The spec that `NAME[:key=value,...]` or `path/to/file.yaml[:key=value,...]` means, checked.

        Raises SpecError.
        """
        parsed = parse_reference(reference)
        if parsed.is_path:
            file = Path(parsed.name)
            if not file.is_file():
                raise SpecError(_no_file(self.kind, file))
            return load_file(file, self.model, self.kind, parsed.overrides, reference)
        return _load_named(self, reference)

    def _load_named(self, reference: str) -> Loaded[Any]:
        parsed = parse_reference(reference)
        document = read_file(self.path(parsed.name), self._shown(parsed.name))
        problems = _misnamed(document, self.kind, parsed.name)
        try:
            loaded = validate(document, self.model, self.kind, parsed.overrides, reference)
        except SpecError as error:
            raise SpecError([*problems, *error.problems]) from None
        if problems:
            raise SpecError(problems)
        return loaded


@functools.lru_cache(maxsize=1024)
def _load_named(library: Library, reference: str) -> Loaded[Any]:
    """What ships with einfuse does not change while it runs; files of a user may."""
    return library._load_named(reference)


@functools.lru_cache(maxsize=64)
def _names(library: Library) -> frozenset[str]:
    return frozenset(library.names())


@functools.lru_cache(maxsize=256)
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _override_path(key: str, model: Any, data: Any, kind: str) -> Key:
    found = paths.find(key, paths.legal_paths(model, data), f"in {kind}")
    slot = paths.slots(model, data).get(found)
    return slot.path if slot else tuple(found.split("."))


def _set(data: Any, path: Key, value: Any) -> None:
    """Set a value in plain data, making the mappings on the way. Raises ValueError where something else
    stands.
    """
    for depth, step in enumerate(path):
        if not isinstance(data, dict | list):
            raise ValueError(f"cannot set '{dotted(path)}': '{dotted(path[:depth])}' is not a mapping or list")
        node: Any = data
        if depth == len(path) - 1:
            node[step] = value
            return
        if isinstance(node, dict) and node.get(str(step)) is None:
            node[str(step)] = {}
        data = node[step]


def _place(
    document: Document,
    overrides: dict[str, Any],
    kind: str,
    reference: str,
    path: Key,
    offset: int,
    key: bool,
) -> Place:
    steps = [dotted(path[: depth + 1]) for depth in range(len(path))]
    if any(step in overrides for step in steps):
        return _argument(kind, reference)
    return document.place(path, offset, key)


def _argument(kind: str, reference: str) -> Place:
    return Place(f"{kind} argument '{shorten(reference, 200)}'")


def _name(document: Document, kind: str) -> str | None:
    for key in (kind, "name"):
        name = document.value.get(key) if isinstance(document.value, dict) else None
        if isinstance(name, str) and name:
            return name
    return None


def _misnamed(document: Document, kind: str, stem: str) -> list[Problem]:
    name = _name(document, kind)
    if name == stem:
        return []
    key = kind if kind in document.value else "name"
    found = f"names the {kind} '{name}'" if name else f"does not name its {kind}"
    message = f"the file '{stem}.yaml' {found}; it must be '{stem}'"
    return [Problem(message, document.place((key,)))]


def _no_file(kind: str, file: Path) -> Problem:
    beside = sorted(each.name for each in file.parent.glob("*.y*ml")) if file.parent.is_dir() else []
    if file.is_dir():
        return Problem(f"'{file}' is a folder, expected a {kind} file", None)
    return Problem(unknown(f"{kind} file", file.name, beside, f"in '{file.parent}'"), None)


def _stems(folder: Path) -> set[str]:
    return {file.stem for file in folder.glob("*.yaml")}
