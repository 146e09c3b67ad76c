"""Sampling: how it was done, and whether its draws can be relied on."""

from __future__ import annotations

from trialwise.base.result import having
from trialwise.base.rows import Rows
from trialwise.reports.blocks import Block, Folded, Heading, Section, Table, Verdict, listing
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject
from trialwise.reports.words import listed, rows

CHAINS = "Chains that agree lie on each other on the left and look like one band on the right."

PAIRS = 10
"""Pairs of parameters whose correlation is told, the strongest."""

COLUMNS = {
    "r_hat": "R-hat", "ess_bulk": "ESS bulk", "ess_tail": "ESS tail", "geweke": "Geweke", "autocorrelation": "autocorrelation",
    "overlap": "overlap with the prior",
}  # fmt: skip
NOTE = (
    "Geweke: standard errors between the beginning and the end of a chain, the largest; autocorrelation: draws that are worth one "
    "independent draw; overlap: of posterior and prior, 1 where the data said nothing."
)


def section(subjects: list[Subject]) -> Section:
    """Verdict, advice, figures and traces of each fit."""
    found: list[Block] = []
    for subject in subjects:
        if len(subjects) > 1:
            found.append(Heading(subject.label))
        found += _blocks(subject)
    return Section("sampling", "Can the draws be relied on?", found)


def _blocks(subject: Subject) -> list[Block]:
    diagnosis = subject.diagnosis
    found: list[Block] = [Verdict(*subject.judged)]
    found += listing("What to try, first things first:", (*diagnosis.problems, *diagnosis.cautions), numbered=True)
    found += listing("What fitting had to decide:", having(diagnosis.findings, "note"))
    found.append(Table(Rows("sampling", ("", ""), tuple(_figures(subject))), facts=True))
    found.append(_trace(subject))
    folded: list[Block] = [
        Table(rows("parameters", diagnosis.table, COLUMNS, "parameter"), NOTE),
        Table(rows("chains", diagnosis.sampler, None, "chain")),
    ]
    if len(diagnosis.correlations):
        pairs = diagnosis.correlations.head(PAIRS).drop(columns="known").set_index("first")
        folded.append(Table(rows("correlations, the strongest first", pairs, None, "parameter")))
    if len(diagnosis.people):
        folded.append(Table(rows("participants, the least certain first", diagnosis.people, None, "participant")))
    return [*found, Folded("Every diagnostic", folded)]


def _figures(subject: Subject) -> list[tuple[str, str]]:
    attrs, stats, table = subject.fit.attrs, subject.fit.tree["sample_stats"], subject.fit.group()
    told = [
        (
            "sampler",
            subject.sampler.title,
        ),
        ("chains x draws kept", f"{stats.sizes['chain']} x {stats.sizes['draw']}"),
        ("largest R-hat", f"{table['r_hat'].max():.3f}"),
        ("fewest effective draws, bulk", f"{table['ess_bulk'].min():.0f}"),
        ("fewest effective draws, tail", f"{table['ess_tail'].min():.0f}"),
    ]
    if subject.sampler.counts_divergences:
        told.append(("divergent transitions", str(int(stats["diverging"].sum()))))
    if "e_bfmi" in subject.diagnosis.sampler:
        told.append(("least E-BFMI", f"{subject.diagnosis.sampler['e_bfmi'].min():.2f}"))
    told += subject.sampler.figures(attrs, stats)
    seconds = float(attrs["seconds"])
    return [*told, ("time", f"{seconds / 60:.1f} minutes" if seconds > 120 else f"{seconds:.0f} seconds")]


def _trace(subject: Subject) -> Block:
    fit = subject.fit
    alt = f"Densities by chain and draws in order of {listed(fit.group_names)}. R-hat and effective draws are in the tables."
    return picture(lambda width: fit.plot(width=width), alt, CHAINS)
