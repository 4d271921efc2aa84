"""The dotted keys of a spec: which paths its model has, given the names that are present in the data.

A `Slot` is one legal path with what the model says about it. Fields of models are legal whether or not the
file writes them; entries of mappings and lists are legal where the data has them. A union told apart by a
key offers the fields of the member that the data names.
"""

import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args
from typing import get_origin as typing_origin

from pydantic import BaseModel, Discriminator, RootModel, Tag
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from specs.marks import Key
from specs.problems import enumerate_words, unknown
from specs.quantity import Quantity

Shape = Any  # what stands behind a colon in a model: a class, an Annotated, a union

MISSING: Any = PydanticUndefined


@dataclass(frozen=True)
class Slot:
    """One legal path of a spec."""

    path: Key
    shape: Shape
    default: Any = MISSING

    @property
    def dotted(self) -> str:
        return dotted(self.path)

    @property
    def quantity(self) -> Quantity | None:
        """The quantity that the slot holds, if it is one."""
        return next((note for member in _members(self.shape) for note in member.notes if _is_quantity(note)), None)

    @property
    def is_number(self) -> bool:
        """Whether the slot holds a quantity or a plain number."""
        return self.quantity is not None or any(member.core in (int, float) for member in _members(self.shape))


def get_origin(shape: Shape) -> Any:
    """`typing.get_origin`, whose declared result excludes most of what it returns."""
    return typing_origin(shape)


def dotted(path: Iterable[str | int]) -> str:
    """The path as it is written: `units.array.rows`."""
    return ".".join(str(step) for step in path)


def slots(shape: Shape, data: Any) -> dict[str, Slot]:
    """All legal paths of a model for the names in `data`, by their dotted text, in the order of the model.

    >>> from pydantic import BaseModel
    >>> class Array(BaseModel):
    ...     rows: int
    >>> class Machine(BaseModel):
    ...     clock: str
    ...     units: dict[str, Array]
    >>> list(slots(Machine, {"units": {"array_2d": {}}}))
    ['clock', 'units', 'units.array_2d', 'units.array_2d.rows']
    """
    found: dict[str, Slot] = {}
    for slot in _walk(shape, data, (), MISSING, ()):
        if slot.path:
            found.setdefault(slot.dotted, slot)
    return found


def legal_paths(shape: Shape, data: Any) -> tuple[str, ...]:
    """The dotted keys that an override may name: the model's own `legal_paths(data)` if it has one, else
    all slots.
    """
    for model in models(shape, data):
        own = getattr(model, "legal_paths", None)
        if own is not None:
            return tuple(own(data))
    return tuple(slots(shape, data))


def find(key: str, legal: Iterable[str], where: str = "") -> str:
    """The one legal path that `key` means: itself, or the only path that ends in it.

    Raises ValueError that lists the candidates, or names the nearest key.

    >>> find("rows", ["clock", "units.array.rows"])
    'units.array.rows'
    >>> find("size", ["memories.a.size", "memories.b.size"])
    Traceback (most recent call last):
    ...
    ValueError: ambiguous key 'size'; candidates: memories.a.size, memories.b.size
    """
    paths = list(legal)
    if key in paths:
        return key
    candidates = [path for path in paths if path.endswith("." + key)]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise ValueError(f"ambiguous key '{key}'; candidates: {enumerate_words(candidates)}")
    named = [path for path in paths if not any(step.isdigit() for step in path.split("."))]  # no list entries
    inner = {path.rpartition(".")[0] for path in named}
    leaves = [path for path in named if path not in inner]
    message = unknown("key", key, leaves, where)
    if "did you mean" not in message:  # compare with short keys too
        guess = unknown("key", key, [path.rpartition(".")[2] for path in leaves])
        if "did you mean" in guess:
            hint = guess[guess.index("did you mean") : guess.index("?") + 1]
            message = message.replace("; allowed: ", f"; {hint} allowed: ", 1)
    raise ValueError(message)


def models(shape: Shape, data: Any) -> list[type[BaseModel]]:
    """The model classes that may stand at a shape; only one where the data tells the members of a union
    apart.
    """
    found = []
    for member in _members(_chosen(shape, data)):
        if _is_class(member.core, RootModel):
            found += models(member.core.model_fields["root"].annotation, data)
        elif _is_class(member.core, BaseModel):
            found.append(member.core)
    return found


def keys(shape: Shape, data: Any) -> list[str]:
    """The keys that the mapping at a shape may have, for the message about one it may not have."""
    names = [_written(name, field) for model in models(shape, data) for name, field in model.model_fields.items()]
    return list(dict.fromkeys(names))


def tag_key(shape: Shape) -> str | None:
    """The key whose value tells the members of a union apart, if there is one."""
    tag = _tag(shape)
    return tag if isinstance(tag, str) else None


def tags(shape: Shape) -> list[str]:
    """The values that the tag key may have."""
    key = tag_key(shape)
    return [tag for member in _members(shape) for tag in _tags_of(member, key)] if key else []


@dataclass(frozen=True)
class _Member:
    """One alternative of a shape, freed of its annotations."""

    core: Any
    notes: tuple[Any, ...]
    whole: Any


def _walk(
    shape: Shape, data: Any, path: Key, default: Any, above: tuple[type, ...], is_same: bool = False
) -> Iterator[Slot]:
    if not is_same:
        yield Slot(path, shape, default)
    for member in _members(_chosen(shape, data)):
        core, origin = member.core, get_origin(member.core)
        if _is_class(core, RootModel):
            yield from _walk(core.model_fields["root"].annotation, data, path, default, above, is_same=True)
        elif _is_class(core, BaseModel):
            if not isinstance(data, Mapping) and core in above:
                continue  # a model within itself is followed only as deep as the data goes
            for name, field in core.model_fields.items():
                key = _written(name, field)
                inner = data.get(key) if isinstance(data, Mapping) else None
                yield from _walk(
                    field_shape(field), inner, (*path, key), _default(name, field, default), (*above, core)
                )
        elif _is_class(origin, Mapping) and isinstance(data, Mapping):
            for key, inner in data.items():
                yield from _walk(_argument(core, 1), inner, (*path, key), MISSING, above)
        elif _is_class(origin, Sequence | set | frozenset) and isinstance(data, list):
            for index, inner in enumerate(data):
                yield from _walk(_element(core, index), inner, (*path, index), MISSING, above)


def field_shape(field: FieldInfo) -> Shape:
    """The annotation of a field with the notes that pydantic took off it."""
    notes = list(field.metadata)
    if field.discriminator is not None:
        notes.append(
            Discriminator(field.discriminator) if isinstance(field.discriminator, str) else field.discriminator
        )
    shape: Any = field.annotation
    for note in notes:
        shape = Annotated[shape, note]
    return shape


def _members(shape: Shape, notes: tuple[Any, ...] = ()) -> list[_Member]:
    whole: Any = shape
    while True:
        if get_origin(shape) is Annotated:
            notes = (*notes, *shape.__metadata__)
            shape = shape.__origin__
        elif hasattr(shape, "__value__"):  # a named alias
            shape = shape.__value__
        else:
            break
    if get_origin(shape) in (Union, types.UnionType):
        inner = [member for each in get_args(shape) for member in _members(each)]
        own = tuple(note for note in notes if _is_quantity(note))
        return [_Member(each.core, each.notes + own, each.whole) for each in inner if each.core is not type(None)]
    return [_Member(shape, notes, whole)]


def _chosen(shape: Shape, data: Any) -> Shape:
    """The member of a tagged union that the data names; the shape itself otherwise."""
    tag = _tag(shape)
    if tag is None or data is None:
        return shape
    named = isinstance(tag, str)
    name = (data.get(tag) if isinstance(data, Mapping) else None) if named else tag(data)
    for member in _members(shape):
        if name is not None and name in _tags_of(member, tag if named else None):
            return member.whole
    return shape


def _tag(shape: Shape) -> Any:
    """The key, or the function of the data, that tells the members of a union apart."""
    while get_origin(shape) is Annotated or hasattr(shape, "__value__"):
        for note in getattr(shape, "__metadata__", ()):
            found = getattr(note, "discriminator", None)
            if found is not None:
                return getattr(found, "discriminator", found)
        shape = shape.__origin__ if get_origin(shape) is Annotated else shape.__value__
    if _is_class(shape, RootModel):
        return _tag(field_shape(shape.model_fields["root"]))
    if get_origin(shape) in (Union, types.UnionType):  # X | None around the annotated union
        return next((found for each in get_args(shape) if (found := _tag(each)) is not None), None)
    return None


def _tags_of(member: _Member, key: str | None) -> list[Any]:
    named = [note.tag for note in member.notes if isinstance(note, Tag)]
    if key is None or not _is_class(member.core, BaseModel):
        return named
    for name, field in member.core.model_fields.items():
        if _written(name, field) == key and get_origin(field.annotation) is Literal:
            named += get_args(field.annotation)
    return named


def _written(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias if isinstance(field.validation_alias, str) else field.alias
    return alias or name


def _default(name: str, field: FieldInfo, parent: Any) -> Any:
    if isinstance(parent, BaseModel):
        return getattr(parent, name, MISSING)
    if field.default_factory is not None and field.default_factory_takes_validated_data:
        return MISSING
    return field.get_default(call_default_factory=True)


def _argument(core: Any, index: int) -> Shape:
    arguments = get_args(core)
    return arguments[index] if len(arguments) > index else Any


def _element(core: Any, index: int) -> Shape:
    arguments = get_args(core)
    if get_origin(core) is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        return arguments[index] if index < len(arguments) else Any
    return arguments[0] if arguments else Any


def _is_class(core: Any, kind: Any) -> bool:
    return isinstance(core, type) and issubclass(core, kind)


def _is_quantity(note: Any) -> bool:
    return isinstance(note, Quantity)
