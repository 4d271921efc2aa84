"""What a cycle study found, in sentences made from its numbers: no number here is written by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..quantities import si, significant
from .results import CycleStudy, Outcome, mean
from .spec import LATENCY, LENGTH, PATH, PORTS, REGISTERS, STATE, TILES, Label, show

SPACE = "\N{NO-BREAK SPACE}"  # a number and its unit stay on one line
SAME = 1e-3  # uses that differ by less read as the same
PICOJOULE = 1e-12
ROUND_TRIP = "round trip"  # as records name it
LEAST_TERM = 1e-4  # a part of the time below this is not named


def findings(study: CycleStudy) -> list[str]:
    """Every sentence, most important first."""
    return [
        *_published(study),
        *_base(study),
        *_tiles(study),
        *_latency(study),
        *_plateaus(study),
        *_ports(study),
        *_state(study),
        *_registers(study),
        *_together(study),
    ]


def _published(study: CycleStudy) -> Iterator[str]:
    """The published mean, by both models over the same rows, and where the difference is."""
    spec, rows, unit = study.spec, study.published_rows(), study.unit
    cycle, analytic = mean(o.used(unit) for o in rows), mean(o.analytic_used(unit) for o in rows)
    by = spec.published.by[:1].upper() + spec.published.by[1:]
    yield (
        f"{by} publish {_percent(spec.published.utilization)} of the {spec.watched.label} used ({spec.published.of}). "
        f"Over {len(rows)} such points the analytic model gives {_percent(analytic)} and the cycle model "
        f"{_percent(cycle)}, with the authors' tiles in flight, one-cycle operations, "
        f"{show(study.base.point[PATH])} and "
        f"{show(study.base.point[PORTS])} ports."
    )
    shortest = min(int(o.point[LENGTH]) for o in rows)
    short = [o for o in rows if o.point[LENGTH] == shortest]
    longer = [o.kept for o in rows if o.point[LENGTH] != shortest]
    share = sum(map(study.lost, short)) / sum(map(study.lost, rows))
    causes: dict[str, float] = {}
    for o in rows:
        for cause, cycles in o.gaps.items():
            causes[cause] = causes.get(cause, 0.0) + o.analytic_used(unit) * cycles / o.found.cycles
    first = max(causes, key=lambda cause: causes[cause])
    part = causes[first] / sum(causes.values())
    yield (
        f"{_percent(share)} of that difference is at {show(shortest)} tokens, where "
        f"{_span([o.used(unit) for o in short])} "
        f"is used; longer sequences keep {_span(longer or [1.0])} of the analytic use. {_percent(part)} of it "
        f"is due to "
        f"'{first}'{_why(study, first)}."
    )


def _base(study: CycleStudy) -> Iterator[str]:
    """The base point, and the idle time that it has."""
    base, label = study.base, study.spec.watched.label
    parts = {cause: n / base.found.cycles for cause, n in base.stalls(study.unit).items()}
    named = [f"{_percent(part)} {cause}" for cause, part in parts.items() if part > LEAST_TERM]
    yield (
        f"At {show(base.point[LENGTH])} tokens and {show(base.point[TILES])} tiles in flight it is "
        f"{_percent(base.used(study.unit))} of the {label}, {_percent(base.kept, 2)} of what the analytic model "
        f"says. Its "
        f"idle time is {_and(named)}: '{base.found.bound_by}' is the busiest unit, and the {label} waits for it "
        f"a little "
        f"in every tile, in the analytic model too."
    )


def _tiles(study: CycleStudy) -> Iterator[str]:
    """How many tiles in flight are needed with operations of one cycle, and what fewer keep."""
    needed = {path: study.tiles_needed(path=path) for path in study.spec.values("latencies", PATH)}
    listed = _and([f"{_tiles_word(n)} with {show(path)}" for path, n in needed.items()])
    fewest = min(study.spec.axes[TILES].numbers)
    fewer = _and([f"{_percent(study.use(tiles=fewest, path=path))} ({show(path)})" for path in needed])
    yield (
        f"With one-cycle operations, {listed} in flight come within {_close(study)} of the analytic model; the authors "
        f"provide {show(study.base.point[TILES])}. A single tile in flight uses {fewer}, for it waits for the round "
        f"trip{_why(study, ROUND_TRIP)}."
    )


def _latency(study: CycleStudy) -> Iterator[str]:
    """What slower operations do to the authors' provision, and what they need."""
    base, label = study.base, study.spec.watched.label
    latencies = [int(n) for n in study.spec.values("latencies", LATENCY)]
    enough = [n for n in latencies if study.close(study.at(**{LATENCY: n}))]
    listed = _and([f"{_percent(study.use(latency=n))} at {n}" for n in latencies])
    cycles = f"{_and([str(n) for n in enough])} cycle{'s' * (enough[-1:] > [1])}" if enough else "no number of cycles"
    yield (
        f"The authors' {show(base.point[TILES])} tiles come within {_close(study)} of the analytic model with "
        f"operations of {cycles}: with {show(base.point[PATH])} the use of the {label} is {listed} cycles. A partial "
        f"result needs as many cycles for each row that it passes."
    )
    for path in study.spec.values("latencies", PATH):
        answers = []
        for n in latencies:
            needed, best = study.tiles_needed(latency=n, path=path), _best(study, latency=n, path=path)
            none = f"none at {n} (at best {_percent(best.kept)} of the analytic use, with {show(best.point[TILES])})"
            answers.append(none if needed is None else f"{needed} at {n}")
        yield (
            f"The fewest tiles in flight, of those studied, for within {_close(study)}, by the cycles that an "
            f"operation "
            f"takes, {show(path)}: {', '.join(answers)}."
        )


def _plateaus(study: CycleStudy) -> Iterator[str]:
    """What more tiles in flight do not mend."""
    stuck: dict[str, list[str]] = {}
    for path in study.spec.values("latencies", PATH):
        for n in study.spec.values("latencies", LATENCY):
            if study.tiles_needed(latency=n, path=path) is None:
                best = _best(study, latency=n, path=path)
                cause = max(best.gaps, key=lambda each: best.gaps[each], default="")
                part = best.gaps.get(cause, 0) / best.found.cycles
                stuck.setdefault(cause, []).append(f"{show(n)} cycles, {show(path)} ({_percent(part)})")
    if stuck:
        listed = "; ".join(f"'{cause}' at {', '.join(where)}" for cause, where in stuck.items())
        yield (
            f"Where none of the numbers of tiles studied comes that close, the largest part of the gap, as a "
            f"share of the "
            f"time, is: {listed}. Latencies that do not divide the query tiles of a loop leave a last group with fewer "
            f"tiles to take turns. A round trip that no number of tiles hides is a matter of the order: entries "
            f"are placed "
            f"by a rule, not by a search, and another order may do better."
        )


def _ports(study: CycleStudy) -> Iterator[str]:
    """Rows a tile needs, and what each choice of ports leaves of the use."""
    base, memory, label = study.base, study.spec.watched.rows, study.spec.watched.label
    rows = study.rows_by_action(base)
    cycles = base.analytic_cycles / study.tiles(base)
    demand = sum(rows.values()) / cycles
    yield (
        f"A tile reads {rows['read']:.0f} and writes {rows['write']:.0f} rows of the {memory} in {cycles:.0f} cycles, "
        f"{significant(demand, 3)} rows a cycle: fewer than {math.ceil(demand)} ports cannot serve them, whatever else "
        f"is done."
    )
    limited = [kind for kind in study.spec.values("ports", PORTS) if kind != base.point[PORTS]]
    listed = ", ".join(f"{_percent(study.use(ports=kind))} with {show(kind)}" for kind in limited)
    close = [show(kind) for kind in limited if study.close(study.at(ports=kind))]
    verdict = f"{_and(close)} come within {_close(study)}" if close else f"none comes within {_close(study)}"
    area = base.found.area_mm2 or 0.0
    added = {kind: (study.at(ports=kind).found.area_mm2 or 0.0) - area for kind in limited}
    priced = [f"{significant(more)} mm² with {show(kind)}" for kind, more in added.items() if more > 0]
    price = (
        f"Beyond the {significant(area)} mm² of a machine whose buffer has one port, ports take {_and(priced)}, by the "
        f"table's assumption; what banks take, and the energy of ports, it does not say"
        if priced
        else "What ports and banks take is not known to the table"
    )
    yield f"The {label} is used {listed}; {verdict} of the analytic model. {price}."
    same = [kind for kind in limited if not _gains(study, kind)]
    if same:
        yield (
            f"More tiles in flight than the authors' do not help against few ports: the use with "
            f"{_and([show(kind) for kind in same])} stays as it is."
        )


def _gains(study: CycleStudy, kind: Label) -> bool:
    """Whether more tiles than the base's raise the use with these ports."""
    base = int(study.base.point[TILES])
    more = [tiles for tiles in study.spec.values("ports", TILES) if int(tiles) > base]
    return any(study.use(ports=kind, tiles=tiles) > study.use(ports=kind) + SAME for tiles in more)


def _state(study: CycleStudy) -> Iterator[str]:
    """What a wider state costs: rows, energy, traffic, ports."""
    base = study.base
    outer = next(iter(base.found.traffic_bytes))
    for value in study.spec.values("states", STATE):
        if value == base.point[STATE]:
            continue
        wide = study.at(state=value)
        rows, more = study.rows_per_tile(base), study.rows_per_tile(wide)
        energy = _more(wide.found.energy_j, base.found.energy_j)
        lengths = study.spec.values("states", LENGTH)
        moved = [
            _more(_moved(study.at(state=value, length=n), outer), _moved(study.at(length=n), outer)) for n in lengths
        ]
        same = max(map(abs, moved)) < SAME
        traffic = "does not change at any length: the tiles fit as before" if same else f"grows by {_span(moved)}"
        limited = [kind for kind in study.spec.values("port states", PORTS) if kind != base.point[PORTS]]
        best = max(limited, key=lambda kind: study.use(ports=kind, state=value))
        falls = {kind: study.use(ports=kind) - study.use(ports=kind, state=value) for kind in limited}
        most = max(limited, key=lambda kind: falls[kind])
        yield (
            f"A {show(value)} takes {more:.0f} rows a tile instead of {rows:.0f} and {_percent(energy)} more energy; "
            f"traffic to {outer} {traffic}. With {show(base.point[PORTS])} ports {_percent(wide.used(study.unit))} is "
            f"used. Of the others {show(best)} keeps most, {_percent(study.use(ports=best, state=value))}, and "
            f"{show(most)} falls furthest, from {_percent(study.use(ports=most))} to "
            f"{_percent(study.use(ports=most, state=value))}."
        )


def _moved(outcome: Outcome, memory: str) -> int:
    return sum(outcome.found.traffic_bytes[memory].values())


def _more(value: float | None, base: float | None) -> float:
    """By how much a value is more than the base, relative to it; 0 where one of them is not known."""
    return value / base - 1 if value is not None and base else 0.0


def _registers(study: CycleStudy) -> Iterator[str]:
    """What registers for more tiles cost, and what the published ones hold."""
    base = study.base
    provided = int(base.point[TILES])
    studied = [int(tiles) for tiles in study.spec.values("latencies", TILES)]
    parts = []
    for tiles in (tiles for tiles in studied if tiles in (2 * provided, max(studied))):
        found = study.at(tiles=tiles).found
        area = (found.area_mm2 or 0.0) - (base.found.area_mm2 or 0.0)
        energy = ((found.energy_j or 0.0) - (base.found.energy_j or 0.0)) / study.tiles(base)
        shares = _more(found.area_mm2, base.found.area_mm2), _more(found.energy_j, base.found.energy_j)
        parts.append(
            f"{tiles} tiles {significant(area, 3)} mm² ({_percent(shares[0], 2)}) and {energy / PICOJOULE:,.0f} "
            f"pJ a tile "
            f"({_percent(shares[1], 2)})"
        )
    fewer = study.at(tiles=min(studied)).found
    saved = (base.found.area_mm2 or 0.0) - (fewer.area_mm2 or 0.0)
    yield (
        f"Beyond the authors' provision ({significant(base.found.area_mm2 or 0.0)} mm², "
        f"{si(base.found.energy_j, 'J')}), "
        f"registers cost for {', for '.join(parts)}. Those for {provided} tiles instead of {min(studied)} cost "
        f"{significant(saved, 2)} mm², since a register file has a least size."
    )
    for value in study.spec.axes[REGISTERS].values:
        outcomes = [study.at(registers=value, tiles=tiles) for tiles in study.spec.values("provision", TILES)]
        refused = [o for o in outcomes if not o.fits]
        if refused:
            most = max((int(o.point[TILES]) for o in outcomes if o.fits), default=0)
            yield (
                f"With registers {show(value)}, up to {most} of the tiles studied fit; the first refusal reads: "
                f"{refused[0].reason}."
            )


def _together(study: CycleStudy) -> Iterator[str]:
    """The scenario that departs from the base in most ways."""
    spec = study.spec
    name = max(spec.scenarios, key=lambda each: len(spec.scenarios[each]))
    chosen = study.outcomes[spec.scenario(name)]
    if chosen.fits and len(spec.scenarios[name]) > 1:
        changed = ", ".join(f"{spec.axes[axis].label}: {show(chosen.point[axis])}" for axis in spec.scenarios[name])
        area = _more(chosen.found.area_mm2, study.base.found.area_mm2)
        energy = _more(chosen.found.energy_j, study.base.found.energy_j)
        yield (
            f"All together ({changed}), {_percent(chosen.used(study.unit))} of the {spec.watched.label} is used, "
            f"{_percent(chosen.kept)} of what the analytic model says, for {_percent(area, 2)} more area and "
            f"{_percent(energy, 2)} more energy, that of ports and banks not counted."
        )


def _best(study: CycleStudy, **values: Label) -> Outcome:
    """The outcome with the fewest tiles among those that keep most, as good as."""
    outcomes = [study.at(**{TILES: t}, **values) for t in study.spec.values("latencies", TILES)]
    most = max(o.kept for o in outcomes)
    return next(o for o in outcomes if o.kept > most - SAME)


def tiles_table(study: CycleStudy) -> tuple[list[str], list[list[str]]]:
    """By return path and latency: the use with the base's tiles, the fewest tiles that are close, the best use."""
    provided = show(study.base.point[TILES])
    columns = ["return path", "latency", f"with {provided} tiles", "tiles needed", "best", "with tiles"]
    rows = []
    for path in study.spec.values("latencies", PATH):
        for index, n in enumerate(study.spec.values("latencies", LATENCY)):
            needed = study.tiles_needed(latency=n, path=path)
            best = _best(study, latency=n, path=path)
            used = study.at(latency=n, path=path).used(study.unit)
            row = ["" if index else show(path), show(n), _percent(used), "none" if needed is None else str(needed)]
            rows.append([*row, _percent(best.used(study.unit)), show(best.point[TILES])])
    return columns, rows


def _why(study: CycleStudy, cause: str) -> str:
    """What a cause is in this design, as the end of a sentence."""
    return f": {study.spec.causes[cause]}" if cause in study.spec.causes else ""


def _percent(fraction: float, digits: int = 1) -> str:
    return f"{100 * fraction:.{digits}f}{SPACE}%"


def _span(fractions: Sequence[float]) -> str:
    """The least and the greatest, once if they read the same."""
    low, high = (f"{100 * each:.1f}" for each in (min(fractions), max(fractions)))
    return f"{low}{SPACE}%" if low == high else f"{low} to {high}{SPACE}%"


def _close(study: CycleStudy) -> str:
    return f"{100 * study.spec.close:g}{SPACE}%"


def _tiles_word(count: int | None) -> str:
    return "no number of tiles studied" if count is None else f"{count} tile{'s' if count > 1 else ''}"


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
