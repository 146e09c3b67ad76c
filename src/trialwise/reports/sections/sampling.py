"""Sampling: method, diagnostics and assessment of the posterior draws."""

from __future__ import annotations

from trialwise.base.english import listed
from trialwise.base.result import having
from trialwise.base.rows import Rows
from trialwise.reports.blocks import Block, Folded, Heading, Section, Table, Verdict, findings, listing
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject
from trialwise.reports.words import rows

CHAINS = "If chains have converged, densities coincide on the left and traces form one band on the right."

PAIRS = 10
"""Number of pairs of parameters shown, those with the strongest correlations."""

COLUMNS = {
    "r_hat": "R-hat", "ess_bulk": "ESS bulk", "ess_tail": "ESS tail", "geweke": "Geweke", "autocorrelation": "autocorrelation",
    "overlap": "overlap with the prior",
}  # fmt: skip
NOTE = (
    "Geweke: largest difference between beginning and end of a chain, in standard errors; autocorrelation: number of draws equivalent to "
    "one independent draw; overlap: of posterior and prior, 1 if the data are uninformative."
)


def section(subjects: list[Subject]) -> Section:
    """Assessment, advice, diagnostics and traces of each fit."""
    facts = [dict(_facts(subject)) for subject in subjects]
    cells = tuple(
        (name, *(each.get(name, "") for each in facts))
        for name in dict.fromkeys(name for each in facts for name in each)
    )
    header = tuple(subject.label for subject in subjects) if len(subjects) > 1 else ("",)
    blocks: list[Block] = [Table(Rows("sampling", ("", *header), cells), facts=True)]
    for subject in subjects:
        if len(subjects) > 1:
            blocks.append(Heading(subject.label))
        blocks += _blocks(subject)
    return Section("sampling", "Can the posterior draws be relied on?", blocks)


def _blocks(subject: Subject) -> list[Block]:
    diagnosis = subject.diagnosis
    blocks: list[Block] = [Verdict(*subject.assessment)]
    blocks += findings((*diagnosis.problems, *diagnosis.cautions))
    elsewhere = {*subject.implied}  # these stand beside the priors
    notes = [each for each in having(diagnosis.findings, "note") if str(each.sentence) not in elsewhere]
    blocks += listing("Notes on the fit:", notes)
    blocks.append(_trace(subject))
    folded: list[Block] = [
        Table(rows("parameters", diagnosis.table, COLUMNS, "parameter"), NOTE),
        Table(rows("chains", diagnosis.sampler, None, "chain")),
    ]
    if len(diagnosis.correlations):
        pairs = diagnosis.correlations.head(PAIRS).drop(columns="known").set_index("first")
        folded.append(Table(rows("posterior correlations, strongest first", pairs, None, "parameter")))
    if len(diagnosis.participants):
        folded.append(Table(rows("participants, least certain first", diagnosis.participants, None, "participant")))
    return [*blocks, Folded("All diagnostics", folded)]


def _facts(subject: Subject) -> list[tuple[str, str]]:
    attrs, stats, table = subject.fit.attrs, subject.fit.tree["sample_stats"], subject.fit.group()
    facts = [
        ("sampler", subject.sampler.title),
        ("chains x draws", f"{stats.sizes['chain']} x {stats.sizes['draw']}"),
        ("largest R-hat", f"{table['r_hat'].max():.3f}"),
        ("smallest effective sample size, bulk", f"{table['ess_bulk'].min():.0f}"),
        ("smallest effective sample size, tail", f"{table['ess_tail'].min():.0f}"),
    ]
    if subject.sampler.counts_divergences:
        facts.append(("divergent transitions", str(int(stats["diverging"].sum()))))
    if "e_bfmi" in subject.diagnosis.sampler:
        facts.append(("smallest E-BFMI", f"{subject.diagnosis.sampler['e_bfmi'].min():.2f}"))
    facts += subject.sampler.figures(attrs, stats)
    seconds = float(attrs["seconds"])
    return [*facts, ("time", f"{seconds / 60:.1f} minutes" if seconds > 120 else f"{seconds:.0f} seconds")]


def _trace(subject: Subject) -> Block:
    fit = subject.fit
    alt = f"Densities and traces of each chain for {listed(fit.group_names)}. R-hat and effective sample sizes are in the tables."
    return picture(lambda width: fit.plot(width=width), alt, CHAINS)
