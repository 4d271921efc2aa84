"""Where the nodes of a cascade's picture stand: layers from left to right, rows within a layer.

A long edge passes each layer between its ends in a row of its own (a bend), so that it crosses no node. Rows are
ordered by the mean row of the neighbours (the barycentre method of Sugiyama, Tagawa and Toda, 1981), which keeps most
edges from crossing. Knows graphs, not cascades.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkx as nx

Point = tuple[int, float]  # layer, row
SWEEPS = 24
BEND = 0.5  # rows that a bend needs where a node needs 1


@dataclass(frozen=True)
class Layout:
    """The layer and row of every node, and the bends of every edge in order."""

    nodes: dict[str, Point]
    bends: dict[tuple[str, str], tuple[Point, ...]]


def layered(forward: nx.DiGraph) -> Layout:
    """Lays out an acyclic graph.

    >>> layered(nx.DiGraph([("a", "b"), ("b", "c"), ("a", "c")])).nodes["c"][0]
    2
    """
    layer: dict[Any, int] = _layers(forward)
    routed = nx.DiGraph()
    routed.add_nodes_from(forward)
    bends_of = {}
    for a, b in forward.edges:
        bends_of[a, b] = [(a, b, k) for k in range(layer[a] + 1, layer[b])]
        layer |= {bend: bend[2] for bend in bends_of[a, b]}
        nx.add_path(routed, [a, *bends_of[a, b], b])
    row = _rows(routed, layer)
    nodes = {node: (layer[node], row[node]) for node in forward}
    bends = {edge: tuple((layer[bend], row[bend]) for bend in bends) for edge, bends in bends_of.items()}
    return Layout(nodes, bends)


def _layers(forward: nx.DiGraph) -> dict[Any, int]:
    layer: dict[Any, int] = {}
    order = list(nx.topological_sort(forward))
    for node in order:
        layer[node] = max((layer[a] + 1 for a in forward.predecessors(node)), default=0)
    for node in reversed(order):  # what waits for its reader stands just before it: V beside the weights
        readers = [layer[b] for b in forward.successors(node)]
        if readers and not forward.in_degree(node):
            layer[node] = min(readers) - 1
    return layer


def _rows(routed: nx.DiGraph, layer: dict[Any, int]) -> dict[Any, float]:
    columns: list[list[Any]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for node in routed:
        columns[layer[node]].append(node)
    row: dict[Any, float] = {}
    for column in columns:
        row |= {node: k - (len(column) - 1) / 2 for k, node in enumerate(column)}
    for sweep in range(SWEEPS):
        near = routed.predecessors if sweep % 2 == 0 else routed.successors
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wish = {}
            for node in column:
                rows = [row[other] for other in near(node)]
                wish[node] = sum(rows) / len(rows) if rows else row[node]
            column.sort(key=lambda node: (wish[node], row[node]))
            row |= _spread(column, wish)
    return row


def _spread(column: list[Any], wish: dict[Any, float]) -> dict[Any, float]:
    """Rows near the wishes, in their order, and far enough apart."""
    placed: dict[Any, float] = {}
    low = float("-inf")
    above = 0.0
    for node in column:
        half = 0.5 if isinstance(node, str) else BEND / 2
        low = max(low + above + half, wish[node])
        placed[node], above = low, half
    shift = sum(placed[node] - wish[node] for node in column) / max(len(column), 1)
    return {node: value - shift for node, value in placed.items()}
