"""A cascade as a graph, and its picture: Einsums and inputs are nodes, an edge leads from an operand to its reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx

from .cascade import Cascade
from .layout import Layout, layered
from .passes import count_passes

COLUMN, ROW = 2.05, 0.95  # distance of layers, and of nodes within one, in inches
WIDTH, HEIGHT = 1.4, 0.56  # of a node
INPUT = ("#FFFFFF", "#808080")  # fill and edge
PASSES = (("#D9E7F5", "#2F6CA3"), ("#FCE8CD", "#B26F14"), ("#F8D9D9", "#A93C3C"), ("#DAEEDA", "#3C7F37"))
LINK, STATE = "#5A5A5A", "#8E2F7D"


def graph(cascade: Cascade) -> nx.DiGraph:
    """Tensors are nodes; an edge leads from an operand to the tensor made from it, with the version that is read.

    >>> from workloads import cascade
    >>> sorted(graph(cascade("gemm")).edges)
    [('A', 'C'), ('B', 'C')]
    """
    result: nx.DiGraph = nx.DiGraph(name=cascade.name)
    for name, tensor in cascade.tensors.items():
        result.add_node(name, role=tensor.role, ranks=tensor.ranks, iterated=tensor.iterated)
    for einsum in cascade.einsums:
        for read in einsum.reads:
            versions = {read.version}
            if result.has_edge(read.tensor, einsum.name):  # PRM reads RM before and after the iteration
                versions |= set(result.edges[read.tensor, einsum.name]["versions"])
            result.add_edge(read.tensor, einsum.name, versions=tuple(sorted(versions)))
    return result


def draw(cascade: Cascade, path: Path, rank: str | None = None) -> None:
    """Draws the graph to a file (svg, png or pdf), operands left of what reads them.

    Colours tell the passes over `rank`, by default the one with the most passes; a dashed edge carries a state's
    value of the iteration before.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    whole = graph(cascade)
    forward = nx.DiGraph()
    forward.add_nodes_from(whole)
    forward.add_edges_from((a, b) for a, b, d in whole.edges(data=True) if d["versions"] != ("previous",))
    layout = layered(forward)
    rank = rank or _telling_rank(cascade)
    place = {node: (x * COLUMN, -y * ROW) for node, (x, y) in layout.nodes.items()}
    xs, ys = zip(*place.values(), *((x * COLUMN, -y * ROW) for b in layout.bends.values() for x, y in b), strict=True)
    left, right = min(xs) - WIDTH / 2 - 0.25, max(xs) + WIDTH / 2 + 0.25
    bottom, top = min(ys) - HEIGHT / 2 - 0.95, max(ys) + HEIGHT / 2 + 0.95
    figure = Figure(figsize=(right - left, top - bottom))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(left, right), ylim=(bottom, top))
    axes.axis("off")
    _draw_edges(axes, whole, layout, place)
    used = _draw_nodes(axes, cascade, rank, place)
    axes.text(left + 0.25, top - 0.3, cascade.name, fontsize=13, fontweight="bold", va="center")
    axes.text(left + 0.25, top - 0.58, cascade.summary, fontsize=8.5, color="#555555", va="center")
    has_state = any(tensor.iterated for tensor in cascade.tensors.values())
    _draw_legend(axes, (left + 0.25, bottom + 0.3), rank, used, has_state)
    figure.savefig(path, dpi=160)


def _telling_rank(cascade: Cascade) -> str:
    """The rank with the most passes; of those the one that is divided or reduced the most."""

    def order(rank: str) -> tuple[int, int, int]:
        parts = cascade.parts[rank]
        return (
            count_passes(cascade, rank).passes, len(parts), sum(p in e.reduced for e in cascade.einsums for p in parts)
        )  # fmt: skip

    return max(cascade.parts, key=order)


def _draw_nodes(axes: Any, cascade: Cascade, rank: str, place: dict[str, tuple[float, float]]) -> list[int]:
    """One box a tensor, with its ranks; returns the pass numbers that occur."""
    from matplotlib.patches import FancyBboxPatch

    found = count_passes(cascade, rank)
    # What only combines results of the last pass, without a traversal of its own, has its colour.
    number = {name: min(max(n, 1), max(found.passes, 1)) for name, n in found.pass_of.items()}
    for name, (x, y) in place.items():
        tensor = cascade.tensors[name]
        fill, edge = INPUT if tensor.role == "input" else PASSES[(number[name] - 1) % len(PASSES)]
        box = FancyBboxPatch(
            (x - WIDTH / 2, y - HEIGHT / 2), WIDTH, HEIGHT, boxstyle="round,pad=0,rounding_size=0.1", facecolor=fill,
            edgecolor=edge, linewidth=2.6 if tensor.role == "output" else 1.1, zorder=3,
        )  # fmt: skip
        axes.add_patch(box)
        ranks = [f"{r}+1" if r == tensor.iterated else r for r in tensor.ranks if r not in cascade.each]
        axes.text(x, y + 0.11, name, fontsize=10, fontweight="bold", ha="center", va="center", zorder=4)
        axes.text(x, y - 0.13, f"[{', '.join(ranks)}]", fontsize=8, color="#444444", ha="center", va="center", zorder=4)
    return sorted(set(number.values()))


def _draw_edges(axes: Any, whole: nx.DiGraph, layout: Layout, place: dict[str, tuple[float, float]]) -> None:
    for a, b, data in whole.edges(data=True):
        if data["versions"] != ("previous",):
            stops = [(x * COLUMN, -y * ROW) for x, y in layout.bends[a, b]]
            _arrow(axes, _through(place[a], stops, place[b]), LINK, "solid")
        if "previous" in data["versions"]:
            _arrow(axes, _back(place[a], place[b]), STATE, (0, (4, 2)))


def _through(start: tuple[float, float], stops: list[tuple[float, float]], end: tuple[float, float]) -> Any:
    """A curve from the right of one node to the left of another, level where it passes a layer."""
    from matplotlib.path import Path as Curve

    x, y = start[0] + WIDTH / 2, start[1]
    points, codes = [(x, y)], [Curve.MOVETO]
    for next_x, next_y in (*stops, end):
        bend = (next_x - WIDTH / 2 - x) / 2
        points += [(x + bend, y), (next_x - WIDTH / 2 - bend, next_y), (next_x - WIDTH / 2, next_y)]
        codes += [Curve.CURVE4] * 3
        x, y = next_x + WIDTH / 2, next_y
        if (next_x, next_y) != end:
            points.append((x, y))
            codes.append(Curve.LINETO)
    return Curve(points, codes)


def _back(start: tuple[float, float], end: tuple[float, float]) -> Any:
    """A curve from a state to what reads its previous value: mostly one that stands to the left of it."""
    from matplotlib.path import Path as Curve

    (x0, y0), (x1, y1) = start, end
    cubic = [Curve.MOVETO] + [Curve.CURVE4] * 3
    side = 0.3 * HEIGHT
    if x1 > x0:  # to the right, below the edge of the current value
        x0, x1, y0, y1 = x0 + WIDTH / 2, x1 - WIDTH / 2, y0 - side, y1 - side
        return Curve([(x0, y0), ((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1), (x1, y1)], cubic)
    if abs(y1 - y0) > HEIGHT and x1 < x0:  # out of the top or bottom, and into the right side
        up = 1 if y1 > y0 else -1
        y0, x1, y1 = y0 + up * HEIGHT / 2, x1 + WIDTH / 2, y1 - up * side
        return Curve([(x0, y0), (x0, (y0 + 2 * y1) / 3), (x0 - 0.2 * (x0 - x1), y1), (x1, y1)], cubic)
    spread = 0.28 * WIDTH
    x0, x1 = (x0 + spread, x1 - spread) if start == end else (x0 - spread, x1 + spread)
    deep = min(y0, y1) - HEIGHT / 2 - 0.36
    return Curve([(x0, y0 - HEIGHT / 2), (x0, deep), (x1, deep), (x1, y1 - HEIGHT / 2)], cubic)


def _arrow(axes: Any, curve: Any, color: str, style: Any) -> None:
    from matplotlib.patches import FancyArrowPatch

    axes.add_patch(
        FancyArrowPatch(
            path=curve, arrowstyle="-|>", mutation_scale=9, color=color, linestyle=style, linewidth=1.1, fill=False,
            zorder=2,
        )
    )  # fmt: skip


def _draw_legend(axes: Any, at: tuple[float, float], rank: str, passes: list[int], has_state: bool) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y = at
    entries = [("input", *INPUT, 1.1)]
    entries += [(f"pass {n} over {rank}", *PASSES[(n - 1) % len(PASSES)], 1.1) for n in passes]
    entries += [("output", "#FFFFFF", "#333333", 2.6)]
    for text, fill, edge, line in entries:
        axes.add_patch(
            FancyBboxPatch(
                (x, y - 0.08), 0.26, 0.16, boxstyle="round,pad=0,rounding_size=0.04", facecolor=fill, edgecolor=edge,
                linewidth=line,
            )
        )  # fmt: skip
        axes.text(x + 0.34, y, text, fontsize=8.5, va="center")
        x += 0.55 + 0.075 * len(text)
    if has_state:
        axes.plot([x, x + 0.4], [y, y], color=STATE, linestyle=(0, (4, 2)), linewidth=1.1)
        axes.text(x + 0.48, y, "previous iteration", fontsize=8.5, va="center")
