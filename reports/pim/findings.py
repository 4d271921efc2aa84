"""What a study of memory that computes found, as sentences."""

from __future__ import annotations

from collections.abc import Iterator

from ..quantities import significant
from .attention_findings import attention_findings
from .results import PimStudy
from .spec import ClaimSpec
from .tables import energy_text

GIGA, TERA, MILLI = 1e9, 1e12, 1e3
MARKS = {"R": "read in the source", "Q": "quoted by another"}


def findings(study: PimStudy) -> list[str]:
    """All sentences."""
    weights = [
        *_bandwidth(study),
        *_pins(study),
        *_refresh(study),
        *_activation(study),
        *_energy(study),
        *_products(study),
    ]
    return [*weights, *attention_findings(study.attention)]


def _bandwidth(study: PimStudy) -> Iterator[str]:
    base = study.at()
    slots = base.weight_bytes / base.bytes_per_s
    yield (
        f"All weights are {base.weight_bytes / GIGA:.3f} GB and take {MILLI * slots:.3f} ms a token without refresh: "
        f"{base.bytes_per_s / TERA:.3f} TB/s of the {study.peak_bytes_per_s / TERA:.3f} TB/s that all banks would give "
        f"if their rows were always open, {100 * study.share(base):.1f} %."
    )


def _pins(study: PimStudy) -> Iterator[str]:
    if not study.pins:
        return
    base_s = study.at().record.latency_s
    least = [(arch, study.over_pins_s(arch)) for arch in study.pins]
    times = "; ".join(
        f"{arch} {significant(MILLI * seconds)} ms, {_factor(seconds / base_s)} times" for arch, seconds in least
    )
    yield f"Over the pins of a memory all weights take at least, and times the time in the banks: {times}."


def _refresh(study: PimStudy) -> Iterator[str]:
    costs = [
        f"{name} {_factor(study.slower(study.at(refresh=name)))}"
        for name in study.spec.refreshes
        if name != study.spec.base
    ]
    yield (
        f"Refresh takes, times the time without it, rows {study.spec.rows[0]} and activation "
        f"{study.spec.activations[0]}: {'; '.join(costs)}. A MAC needs all banks, so a refresh of one stops them all, "
        f"and each of them has its own."
    )
    timing, banks = study.device.timing, study.device.organisation.banks
    if timing.refi is not None and timing.rfc_bank is not None:
        again = timing.rp + timing.rfc_bank + timing.rcd_mac
        yield (
            f"A refresh of some bank is due every {timing.refi // banks} ticks; to close it in the middle of its row, "
            f"refresh it and open it again takes at least {again} of them. That leaves little for MACs: refreshes of "
            f"single banks have to wait for the end of a row."
        )


def _activation(study: PimStudy) -> Iterator[str]:
    periods = ", ".join(f"{name} {ticks}" for name, ticks in study.periods.items())
    base = study.at()
    times = {name: study.at(activation=name).record.cycles / base.record.cycles for name in study.periods}
    slower = ", ".join(f"{name} {ratio:.3f}" for name, ratio in times.items())
    yield (
        f"A row of {study.device.organisation.columns} MACs takes, in ticks by how banks are activated: {periods}; "
        f"all weights take, times those of the first: {slower}."
    )
    rows = study.spec.rows
    if len(rows) > 1:
        more = study.at(rows[1]).record.cycles / base.record.cycles
        yield f"Rows {rows[1]} instead of {rows[0]} take {more:.3f} times the time."


def _energy(study: PimStudy) -> Iterator[str]:
    base = study.at()
    parts = [f"{name} {energy_text(joules)}" for name, joules in base.joules.items()]
    lacking = [
        f"{name} has no price of {', '.join(joules.missing)}" for name, joules in base.joules.items() if joules.missing
    ]
    note = f" ({'; '.join(lacking)}, which is not in it)" if lacking else ""
    yield f"A token's energy without refresh is, by table: {', '.join(parts)}{note}."
    for table, joules in base.joules.items():
        silent = [
            name
            for name in study.spec.refreshes
            if set(study.at(refresh=name).joules[table].missing) - set(joules.missing)
        ]
        if silent:
            yield f"Table {table} has no price of what these refreshes issue, and so no energy: {'; '.join(silent)}."


def _products(study: PimStudy) -> Iterator[str]:
    apart, together = study.products.apart, study.products.together
    opened = next(name for name in apart if name.startswith("ACT"))
    yield (
        f"Q, K and V of a block as three matrices take {apart[opened]} activations and {apart['MAC']:,} MACs a "
        f"channel, {apart['ticks']:,} ticks; as one matrix {together[opened]}, {together['MAC']:,} and "
        f"{together['ticks']:,}: fewer banks are left without a result, and fewer rows end early."
    )


def baseline_text(study: PimStudy) -> list[str]:
    """What is published of the speed, and ours against the baseline's roofline, which is another thing."""
    claim, baseline = study.spec.claim, study.spec.baseline
    peak = study.peak_over_baseline()
    low, high = 100 * peak / claim.high, 100 * peak / claim.low
    whole, best = study.at(refresh=_refreshed(study)), study.at()
    return [
        f"As published: {claim_text(claim)}.",
        f"Versus the roofline of the {baseline.name}, {baseline.bandwidth / GIGA:g} GB/s: no more than {peak:.1f} "
        f"times, even if rows were always open. So the measured {baseline.name} ran at {low:.0f} to {high:.0f} % of "
        f"its roofline, or less.",
        f"Ours, weights alone: {study.over_baseline(best):.2f} times that roofline without refresh, "
        f"{study.over_baseline(whole):.2f} with refresh {whole.point.refresh}.",
    ]


def claim_text(claim: ClaimSpec) -> str:
    """A published range, with whether it was read in its source."""
    return f"{claim.what}, {claim.low:g} to {claim.high:g} times [{claim.mark}: {claim.source}]"


def _refreshed(study: PimStudy) -> str:
    """The first refresh after none."""
    return next((name for name in study.spec.refreshes if name != study.spec.base), study.spec.base)


def _factor(ratio: float) -> str:
    return significant(ratio) if ratio < 10 else significant(ratio, 3)
