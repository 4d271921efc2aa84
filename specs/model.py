"""What the models of all specs share, and their JSON Schema."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, TypeAdapter

from specs import paths
from specs.units import NUMBER_PATTERN

DIALECT = "https://json-schema.org/draft/2020-12/schema"
KEYS_NOTE = (
    "On the command line and in sweeps a key is its dotted path, as in NAME:memories.buffer.size=32MiB, "
    "or the end of that path where only one key ends so."
)


class Spec(BaseModel):
    """The base of a spec's models: frozen, no unknown keys, no infinities.

    A model whose quantities may be tied to each other by `= ...` sets `ties`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    ties: ClassVar[bool] = False


def schema(model: Any) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a model, with a note on dotted keys.

    >>> class Machine(Spec):
    ...     clock: str
    >>> sorted(schema(Machine))
    ['$comment', '$schema', 'additionalProperties', 'properties', 'required', 'title', 'type']
    """
    body = TypeAdapter(model).json_schema()
    title = body.pop("title", model.__name__ if isinstance(model, type) else "spec")  # a union has no name
    if any(getattr(each, "ties", False) for each in paths.models(model, None)):
        _allow_ties(body)
    return {"$schema": DIALECT, "title": title, "$comment": KEYS_NOTE, **body}


def _allow_ties(node: Any) -> None:
    """Let every quantity be a tie (`= ...`) too; whether it resolves is not for a schema to say."""
    children: list[Any] = []
    if isinstance(node, dict):
        children = list(node.values())
        pattern = node.get("pattern")
        if isinstance(pattern, str) and NUMBER_PATTERN in pattern:
            node["pattern"] = rf"{pattern}|^\s*= "
    elif isinstance(node, list):
        children = node
    for child in children:
        _allow_ties(child)
