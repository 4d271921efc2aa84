"""What a model refused, in our words.

Pydantic checks a spec; its errors are turned here into problems that say what was found, what is allowed
and where. Nothing of its wording reaches the user.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from specs import paths
from specs.marks import Key
from specs.paths import Shape, Slot, dotted
from specs.problems import Place, Problem, enumerate_words, unknown
from specs.scalars import show_scalar

PlaceOf = Callable[[Key, int, bool], Place]

# What was expected, by the type of pydantic's error; {} are filled from its context.
_EXPECTED = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "iterable_type": "a list",
    "string_type": "text",
    "string_sub_type": "text",
    "string_unicode": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "none_required": "null",
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
}
_CHOICES = ("literal_error", "enum")


@dataclass(frozen=True)
class _Fault:
    """An error of pydantic's, with the path in the data and the union member it was met in."""

    kind: str
    path: Key
    found: Any
    context: Mapping[str, Any]
    branch: tuple[Key, str] | None = None  # where a union began, and the label of its member
    is_key: bool = False
    name: str = ""  # the missing key


def problems(
    errors: Iterable[Mapping[str, Any]], data: Any, shape: Shape, kind: str, place: PlaceOf
) -> dict[Problem, Key]:
    """The problems of a validation, each with the path of the data it is about.

    `place(path, offset, key)` gives the position of a value, of a character in it, or of its key.
    """
    slots = paths.slots(shape, data)
    slots[""] = Slot((), shape)
    found = {}
    for group in _branches([_fault(error, data, slots) for error in errors]):
        problem = _problem(group, data, slots, kind, place)
        found[problem] = group[0].path
    return found


def _fault(error: Mapping[str, Any], data: Any, slots: Mapping[str, Slot]) -> _Fault:
    """Find the path in the data: pydantic's location also names tags, union members and wrappers."""
    location = list(error["loc"])
    is_key = bool(location) and location[-1] == "[key]"
    name = str(location.pop()) if error["type"] == "missing" and location else ""
    path: Key = ()
    node, branch = data, None
    tag_taken = False
    for step in location:
        slot = slots.get(dotted(path))
        tag = paths.tag_key(slot.shape) if slot else None
        if tag and not tag_taken and isinstance(node, Mapping) and node.get(tag) == step:
            tag_taken = True
        elif _has(node, step):
            path, node, tag_taken = (*path, step), node[step], False
        elif branch is None and step != "[key]":
            branch = (path, str(step))
    return _Fault(error["type"], path, error.get("input"), error.get("ctx") or {}, branch, is_key, name)


def _has(node: Any, step: Any) -> bool:
    if isinstance(node, list):
        return isinstance(step, int) and step < len(node)
    return isinstance(node, Mapping) and step in node


def _branches(faults: list[_Fault]) -> list[list[_Fault]]:
    """One group for each problem.

    Of a union whose members all refused, the member that came nearest speaks: one that took the shape of
    the value and found the least wrong inside. If none took the shape, they speak together.
    """
    groups: list[list[_Fault]] = [[fault] for fault in faults if fault.branch is None]
    unions: dict[Key, dict[str, list[_Fault]]] = {}
    for fault in faults:
        if fault.branch is not None:
            start, label = fault.branch
            unions.setdefault(start, {}).setdefault(label, []).append(fault)
    for start, members in unions.items():
        fitting = [
            member for member in members.values() if not any(fault.path == start and not fault.name for fault in member)
        ]
        if fitting:
            groups += [[fault] for fault in min(fitting, key=len)]
        else:
            groups.append([fault for member in members.values() for fault in member if fault.path == start])
    return groups


def _problem(group: list[_Fault], data: Any, slots: Mapping[str, Slot], kind: str, place: PlaceOf) -> Problem:
    fault = group[0]
    path = fault.path
    if len(group) > 1:
        return Problem(_label(path) + _alternatives(group), place(path, 0, False))
    if fault.kind == "missing":
        return Problem(f"missing key '{fault.name}' {_where(path, kind)}", place(path, 0, bool(path)))
    if fault.kind == "extra_forbidden":
        parent, word = path[:-1], str(path[-1]) if path else ""
        legal = paths.keys(slots[dotted(parent)].shape, _at(data, parent)) if dotted(parent) in slots else []
        return Problem(unknown("key", word, legal, _where(parent, kind)), place(path, 0, True))
    if fault.kind in ("union_tag_invalid", "union_tag_not_found"):
        return _tag_problem(fault, slots, kind, place)
    cause = fault.context.get("error")
    if isinstance(cause, Exception):
        inner = (*path, *getattr(cause, "path", ()))
        at = place(inner, getattr(cause, "offset", 0), fault.is_key or getattr(cause, "key", False))
        return Problem(_label(inner) + (str(cause) or "the value is not allowed"), at)
    return Problem(_label(path) + _sentence(fault), place(path, 0, fault.is_key))


def _tag_problem(fault: _Fault, slots: Mapping[str, Slot], kind: str, place: PlaceOf) -> Problem:
    slot = slots.get(dotted(fault.path))
    key = (slot and paths.tag_key(slot.shape)) or str(fault.context.get("discriminator", "")).strip("'")
    legal = [str(tag) for tag in paths.tags(slot.shape)] if slot else []
    holder = fault.found if isinstance(fault.found, Mapping) else {}
    inner = (*fault.path, key)
    if key not in holder:
        message = f"missing key '{key}' {_where(fault.path, kind)}; allowed: {enumerate_words(legal)}"
        return Problem(message, place(fault.path, 0, bool(fault.path)))
    value = holder[key]
    if isinstance(value, str):
        return Problem(unknown(key, value, legal, _where(fault.path, kind)), place(inner, 0, False))
    message = f"found {show_scalar(value)}, expected one of: {enumerate_words(legal)}"
    return Problem(_label(inner) + message, place(inner, 0, False))


def _sentence(fault: _Fault) -> str:
    found = show_scalar(fault.found)
    if fault.kind in _CHOICES:
        legal = re.findall(r"'((?:[^'\\]|\\.)*)'", str(fault.context.get("expected", "")))
        if isinstance(fault.found, str) and legal:
            return unknown("value", fault.found, legal)
    expected = _expected(fault)
    if expected is None:
        return f"found {found}, which is not allowed here"
    if fault.kind in ("too_short", "too_long"):
        found = f"{fault.context.get('actual_length', 'another number of')} entries"
    return f"found {found}, expected {expected}"


def _expected(fault: _Fault) -> str | None:
    if fault.kind in _CHOICES:
        return str(fault.context.get("expected", "another value"))
    if fault.kind not in _EXPECTED:
        return None
    return _EXPECTED[fault.kind].format_map(_Blank(fault.context))


class _Blank(dict[str, Any]):
    """A context that lacks nothing."""

    def __missing__(self, key: str) -> str:
        return "the limit"


def _alternatives(group: list[_Fault]) -> str:
    """One sentence for all members of a union."""
    causes = [str(cause) for fault in group if (cause := fault.context.get("error")) is not None]
    expected = list(dict.fromkeys(text for fault in group if (text := _expected(fault)) is not None))
    if causes and not expected:
        return "; or ".join(dict.fromkeys(causes))
    if causes:
        return causes[0] + f"; or {' or '.join(expected)}"
    return f"found {show_scalar(group[0].found)}, expected {' or '.join(expected) or 'something else'}"


def _label(path: Key) -> str:
    return f"{dotted(path)}: " if path else ""


def _where(path: Key, kind: str) -> str:
    return f"in '{dotted(path)}'" if path else f"in {kind}"


def _at(data: Any, path: Key) -> Any:
    for step in path:
        data = data[step]
    return data
