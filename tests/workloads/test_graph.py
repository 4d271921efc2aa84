"""The graph of a cascade and its picture."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import networkx as nx
import pytest

from tests.workloads.attention import CASCADES
from workloads import CASCADES as LIBRARY
from workloads import cascade
from workloads.graph import draw, graph
from workloads.layout import layered


def test_edges_say_which_version_of_a_state_is_read():
    found = graph(cascade("attention-1pass"))
    assert found.edges["RM", "RM"]["versions"] == ("previous",)
    assert found.edges["RM", "SLN"]["versions"] == ("current",)
    assert found.edges["RM", "PRM"]["versions"] == ("current", "previous")
    assert found.edges["RD", "AV"]["versions"] == ("final",)
    assert found.edges["Q", "QK"]["versions"] == ("plain",)
    assert found.nodes["RM"] == {"role": "intermediate", "ranks": ("b", "n", "g", "m1", "p"), "iterated": "m1"}
    assert sorted(n for n, role in found.nodes(data="role") if role != "intermediate") == ["AV", "K", "Q", "V"]


@pytest.mark.parametrize("name", LIBRARY.names())
def test_nodes_and_edges_keep_apart(name):
    """Operands stand left of their readers; two nodes of a layer are a row apart, an edge that passes half a row."""
    whole = graph(cascade(name))
    forward = nx.DiGraph((a, b) for a, b, d in whole.edges(data=True) if d["versions"] != ("previous",))
    layout = layered(forward)
    assert all(layout.nodes[a][0] < layout.nodes[b][0] for a, b in forward.edges)
    for (x0, y0), (x1, y1) in combinations(layout.nodes.values(), 2):
        assert x0 != x1 or abs(y0 - y1) >= 1 - 1e-9
    for bends in layout.bends.values():
        for x, y in bends:
            assert all(abs(y - row) >= 0.75 - 1e-9 for layer, row in layout.nodes.values() if layer == x)
    for (a, b), bends in layout.bends.items():
        assert [x for x, _ in bends] == list(range(layout.nodes[a][0] + 1, layout.nodes[b][0]))


@pytest.mark.parametrize("name", CASCADES)
def test_the_picture_names_every_tensor_and_pass(name, tmp_path: Path):
    path = tmp_path / "picture.svg"
    draw(cascade(name), path, "m")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<?xml")
    # matplotlib draws glyphs, and leaves what they say in comments.
    written = {line.strip().removeprefix("<!-- ").removesuffix(" -->") for line in text.splitlines() if "<!--" in line}
    assert set(cascade(name).tensors) <= written
    assert {"input", "output", "pass 1 over m", name} <= written
    assert ("pass 3 over m" in written) == (name == "attention-3pass")
    assert ("previous iteration" in written) == name.startswith("attention-1pass")


def test_png_and_pdf(tmp_path: Path):
    for kind, start in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        draw(cascade("gemm"), tmp_path / f"c.{kind}")
        assert (tmp_path / f"c.{kind}").read_bytes().startswith(start)
