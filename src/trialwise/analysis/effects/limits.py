"""What limits an answer about differences: as findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trialwise.analysis.effects.answer import about_the_fit
from trialwise.analysis.effects.bayes_factors import BayesFactors
from trialwise.analysis.effects.evidence import NEGLIGIBLE
from trialwise.analysis.effects.levels import NOTHING, Contrast, Levels
from trialwise.analysis.effects.no_difference import no_differences
from trialwise.analysis.effects.savage_dickey import KERNEL
from trialwise.analysis.effects.touches import touches_zero
from trialwise.base.english import listed
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding
from trialwise.population.designs.differences import place_text

FEW = 5
"""Participants of a level below which it is noted."""


VERY_SMALL = 1 / 30
"""A Bayes factor below which no more than its order of magnitude matters: very strong evidence (Jeffreys 1961, appendix B)."""


def limits_of(
    levels: Levels,
    found: Sequence[Contrast],
    evidence: Sequence[Mapping[str, object]],
    terms: Sequence[Mapping[str, object]],
    factors: BayesFactors,
    limits: tuple[float, float] | None,
) -> tuple[Finding, ...]:
    """What limits the answer."""
    findings = about_the_fit(levels.means.fit) + no_differences(levels.design, levels.asked, found)
    names = [contrast.label for contrast in found]
    few = {place_text(mean.place) for c in found for _, mean in c.parts if mean.patterns.participants < FEW}
    if few:
        sentence = f"few participants: fewer than {FEW} at {listed(sorted(few))}, whose means lean on the prior"
        findings.append(Finding("caution", "few", sentence))
    if any(touches_zero(contrast.spread) for contrast in found):
        sentence = "the spread of participants touches 0: d, and the share of draws within 0.1 of it, are unstable"
        findings.append(
            Finding("caution", "spread", sentence, "Use in_rope, whose limits are on the unconstrained scale")
        )
    if any(c.same_scale and np.any(factors.cells & (abs(c.vector) > NOTHING)) for c in found):
        sentence = "wide prior of differences: without an intercept each level has the prior of an intercept, independent of the others, so that Bayes factors favour no difference"
        findings.append(
            Finding("caution", "cells", sentence, "For tests fit a formula with an intercept; compare prior_width")
        )
    findings += _on_bayes_factors([*evidence, *terms], factors)
    if limits is None and any(c.same_scale for c in found):
        low = listed(
            dict.fromkeys(f"{row['rope_high']:.2g}" for row in evidence if row["rope_high"] == row["rope_high"])
        )
        sentence = (
            f"negligible is less than {NEGLIGIBLE} spreads of participants either way: {low} on the unconstrained scale"
        )
        findings.append(
            Finding("note", "rope", sentence, Message("Another region: ", Argument("rope", 0.2)), tuple(names))
        )
    return tuple(findings)


def _on_bayes_factors(rows: Sequence[Mapping[str, object]], factors: BayesFactors) -> list[Finding]:
    """How the Bayes factors were computed, and how much they depend on the prior."""
    findings: list[Finding] = []
    about = {id(row): f"{row.get('contrast', row.get('term'))}{' at ' if row['at'] else ''}{row['at']}" for row in rows}
    if np.any(factors.unusual):
        used = [name for name, unusual in zip(factors.names, factors.unusual, strict=True) if unusual]
        sentence = f"priors that are not Normal, or not available: {listed(used)}; differences that depend on them have no Bayes factor"
        findings.append(Finding("note", "no-bayes-factor", sentence))
    kernel = [about[id(row)] for row in rows if row["method"] == KERNEL]
    if kernel:
        sentence = (
            f"Bayes factors from a kernel estimate of the posterior, less precise than the exact one: {listed(kernel)}"
        )
        findings.append(Finding("note", "kernel", sentence, "", tuple(kernel)))
    unsure = [row for row in rows if row["method"] and not row["reliable"]]
    for small, advice in ((True, "Report them as very small, or sample more draws"), (False, "Sample more draws")):
        names = [about[id(row)] for row in unsure if (float(row["bf01"]) < VERY_SMALL) == small]  # type: ignore[arg-type]
        if names:
            sentence = f"Bayes factors known only roughly: {listed(names)}"
            findings.append(Finding("caution", "bayes-factor", sentence, advice, tuple(names)))
    turns = [
        about[id(row)] for row in rows if row["method"] and (float(row["bf01_half"]) - 1) * (float(row["bf01_double"]) - 1) < 0  # type: ignore[arg-type]
    ]  # fmt: skip
    if turns:
        sentence = f"the Bayes factor depends on the prior: with half and twice its standard deviation it favours different answers for {listed(turns)}"
        findings.append(
            Finding("caution", "prior", sentence, "Report bf01_half and bf01_double beside it", tuple(turns))
        )
    return findings
