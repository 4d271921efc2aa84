"""A cascade as a graph: Einsums and tensors are nodes, reads and writes are edges."""

from __future__ import annotations

from pathlib import Path

import networkx as nx

from .cascade import Cascade
from .passes import count_passes


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
            result.add_edge(read.tensor, einsum.name, version=read.version)
    return result


def draw(cascade: Cascade, path: Path, rank: str | None = None) -> None:
    """Draws the graph to a file (svg, png or pdf), layered by dependency, coloured by pass over `rank` if given."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = graph(cascade)
    forward = nx.DiGraph((a, b) for a, b, d in picture.edges(data=True) if d["version"] != "previous")
    forward.add_nodes_from(picture)
    for depth, layer in enumerate(nx.topological_generations(forward)):
        for node in layer:
            picture.nodes[node]["depth"] = depth
    place = nx.multipartite_layout(picture, subset_key="depth", align="horizontal")
    place = {node: (x, -y) for node, (x, y) in place.items()}
    palette = ["#4477AA", "#CCBB44", "#EE6677", "#228833"]
    numbers = count_passes(cascade, rank).pass_of if rank else {}
    colors = [
        "#BBBBBB" if picture.nodes[n]["role"] == "input" else palette[max(numbers.get(n, 1) - 1, 0) % len(palette)]
        for n in picture
    ]
    figure = Figure(figsize=(7, 1.2 + 0.8 * (1 + max(d for _, d in picture.nodes(data="depth")))))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    state = [(a, b) for a, b, d in picture.edges(data=True) if d["version"] == "previous"]
    plain = [e for e in picture.edges if e not in state]
    common = {"node_size": 1300, "ax": axes}
    nx.draw_networkx_nodes(picture, place, node_color=colors, **common)
    nx.draw_networkx_labels(picture, place, font_size=8, font_color="white", ax=axes)
    nx.draw_networkx_edges(picture, place, edgelist=plain, arrowsize=10, edge_color="#555555", **common)
    nx.draw_networkx_edges(
        picture, place, edgelist=state, style="dashed", edge_color="#AA3377", connectionstyle="arc3,rad=0.35", **common
    )
    axes.set_title(f"{cascade.name}: {len(cascade.einsums)} Einsums (dashed: from the iteration before)", fontsize=9)
    axes.axis("off")
    figure.tight_layout()
    figure.savefig(path)
