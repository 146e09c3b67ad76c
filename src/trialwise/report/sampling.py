"""Sampling: how it was done, and whether its draws can be relied on."""

from __future__ import annotations

import json

import numpy as np

from trialwise.inspection import Rows
from trialwise.report.blocks import Block, Heading, Listing, Section, Table, Text, Verdict
from trialwise.report.pictures import picture
from trialwise.report.subject import Subject
from trialwise.report.words import listed

CHAINS = "Chains that agree lie on each other on the left and look like one band on the right."


def section(subjects: list[Subject]) -> Section:
    """Verdict, figures and traces of each fit."""
    found: list[Block] = []
    for subject in subjects:
        if len(subjects) > 1:
            found.append(Heading(subject.label))
        found.append(Verdict(*subject.judged))
        if subject.fit.problems:
            found.append(Listing(subject.fit.problems, numbered=True))
        if subject.fit.notes:
            found += [Text("What fitting had to decide:"), Listing(subject.fit.notes)]
        found.append(Table(Rows("sampling", ("", ""), tuple(_figures(subject))), facts=True))
        found.append(_trace(subject))
    return Section("sampling", "Can the draws be relied on?", found)


def _figures(subject: Subject) -> list[tuple[str, str]]:
    attrs, stats, table = subject.fit.attrs, subject.fit.tree["sample_stats"], subject.fit.group()
    told = [
        (
            "sampler",
            "particles, corrected by pseudo-marginal chains" if subject.hides else "NUTS in whitened coordinates",
        ),
        ("chains x draws kept", f"{stats.sizes['chain']} x {stats.sizes['draw']}"),
        ("largest R-hat", f"{table['r_hat'].max():.3f}"),
        ("fewest effective draws, bulk", f"{table['ess_bulk'].min():.0f}"),
        ("fewest effective draws, tail", f"{table['ess_tail'].min():.0f}"),
    ]
    if subject.hides:
        particles = json.loads(attrs["particles"])
        told += [
            ("draws at which chains moved", f"{float(stats['accepted'].mean()):.0%}"),
            ("particles of a participant", f"{min(particles)} to {max(particles)}"),
            ("particle filters run", f"{attrs['filters']:,}"),
            ("largest SD of a log-likelihood estimate", f"{max(json.loads(attrs['filter_noise'])):.2g}"),
            ("largest error of an emulator (SD)", f"{max(json.loads(attrs['emulator_error'])):.2g}"),
        ]
    else:
        told.append(("divergent transitions", str(int(stats["diverging"].sum()))))
        if "energy" in stats:
            energy = stats["energy"].to_numpy()
            least = (np.square(np.diff(energy, axis=1)).mean(1) / energy.var(1)).min()
            told.append(("least E-BFMI", f"{least:.2f}"))
        told.append(("gradients", f"{attrs['gradients']:,}"))
    seconds = float(attrs["seconds"])
    return [*told, ("time", f"{seconds / 60:.1f} minutes" if seconds > 120 else f"{seconds:.0f} seconds")]


def _trace(subject: Subject) -> Block:
    from trialwise.plots.trace import trace_plot

    fit = subject.fit
    alt = f"Densities by chain and draws in order of {listed(fit.group_names)}. R-hat and effective draws are in the tables."
    return picture(lambda width: trace_plot(fit.tree, fit.group_names, width), alt, CHAINS)
