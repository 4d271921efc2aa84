"""A mapping as the text of its file, for one that was made and not read."""

from __future__ import annotations

from io import StringIO
from typing import Any

from specs import Loaded


def mapping_text(loaded: Loaded[Any], name: str, about: str = "") -> str:
    """The file of a mapping under another name; read again it is the same mapping. `about` stands above, as a comment.

    >>> from mappings import mapping
    >>> print("".join(mapping_text(mapping("output-stationary"), "mine").splitlines(keepends=True)[:3]), end="")
    mapping: mine
    summary: Each result stays in its element while both operands stream past; steps run over k.
    source: [arXiv 1811.02883]
    """
    from ruamel.yaml import YAML

    data = loaded.model.model_dump(mode="json", exclude_defaults=True)
    first = {"mapping": name, "cascade": loaded.model.cascade}
    data = {key: first.get(key, value) for key, value in (data | first).items()}
    for nest in data.get("sequence", [data]):
        if "budget" in nest:
            nest["budget"] = {level: f"{size} B" for level, size in nest["budget"].items()}
    out = StringIO()
    writer = YAML()
    writer.default_flow_style = None
    writer.width = 120
    writer.dump(data, out)
    comment = "".join(f"# {line}".rstrip() + "\n" for line in about.splitlines())
    return comment + out.getvalue()
