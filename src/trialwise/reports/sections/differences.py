"""The answers of a design: differences between levels and slopes, with the evidence for them, their pictures, and the sentence for a paper."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping

import numpy as np

from trialwise.analysis.contrasts import Contrasts, evidence_of_several, findings_of_several
from trialwise.analysis.effects.evidence import HDI, direction_text, summarised
from trialwise.analysis.effects.levels import Contrast
from trialwise.base.english import listed
from trialwise.base.rows import Rows
from trialwise.plots.contrasts import contrasts_plot
from trialwise.reports.blocks import Block, Folded, Heading, Listing, Picture, Table, Text, findings
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject
from trialwise.reports.words import rows

MISSING = (
    "Left out: differences between levels, and slopes, which need the learner. Load the fit with it, load(..., learner=...) "
    "(trialwise report ... --learner FILE)."
)
NOTE = (
    "Ratio: odds ratio of parameters between bounds, factor of positive ones. "
    "Difference: of the medians of participants, on the natural scale. Direction: the probability that a difference has the sign that it seems to have. "
    "BF01: Bayes factor for no difference, by the method of Savage and Dickey, which depends on the prior."
)
EVIDENCE = {
    "parameter": "parameter", "contrast": "contrast", "at": "at", "in_rope": "negligible", "rope_high": "limit", "bf01": "BF01", "bf01_error": "BF01 error",
    "bf01_half": "BF01 half", "bf01_double": "BF01 double",
}  # fmt: skip
EVIDENCE_NOTE = (
    "Negligible: the probability that a difference lies within this limit either way, on the unconstrained scale. BF01 error: its Monte Carlo error; "
    "BF01 half, BF01 double: with half and twice the standard deviation of the prior (bf01_half, bf01_double)."
)
MOST = 6
"""Pictures of a fit, and differences on the first screen."""


def blocks(subject: Subject) -> list[Block]:
    """A table of all differences that the formulas ask for, what limits them, and their pictures."""
    if subject.fit.learner is None:
        return [Text(MISSING, "missing")]
    found = subject.contrasts
    if not found:
        return []
    cells = tuple(
        _cells(contrasts.what, contrast, row)
        for contrasts in found
        for contrast, row in zip(contrasts.contrasts, contrasts.evidence.to_dict("records"), strict=True)
    )
    header = ("parameter", "contrast", "ratio", "difference", "direction", "BF01")
    used = [k for k, name in enumerate(header) if name != "ratio" or any(row[k] for row in cells)]
    title = f"posterior medians with {100 * HDI:.0f} % highest-density intervals"
    table = Rows(title, tuple(header[k] for k in used), tuple(tuple(row[k] for k in used) for row in cells))
    tests = [each for contrasts in found for each in contrasts.tests]
    whole = [Text("Effects of several dimensions, as a whole:"), Listing(tests)] if tests else []
    cautions = findings(each for each in findings_of_several(found) if each.severity != "note")
    evidence = rows("evidence", evidence_of_several(found), EVIDENCE)
    folded = Folded("All evidence", [Table(evidence, EVIDENCE_NOTE)])
    return [Heading("Differences and slopes"), Table(table, NOTE), *whole, *cautions, *_pictures(found), folded]


def _cells(what: str, contrast: Contrast, row: Mapping[Hashable, float]) -> tuple[str, ...]:
    """A difference as a row of the table; empty where it is not defined."""
    scales = contrast.on_scales()
    ratio = next((draws for name, draws in scales.items() if "ratio" in name or name == "factor"), None)
    natural = scales.get("difference of medians", contrast.link)
    bf01 = float(row["bf01"])
    return (
        what,
        f"{contrast.label} at {contrast.at}" if contrast.at else contrast.label,
        "" if ratio is None else _interval(ratio, 3),
        _interval(natural, 2),
        "" if np.isnan(row["pd"]) else direction_text(row["pd"]).removeprefix("probability of direction "),
        f"{bf01:.2g}" if np.isfinite(bf01) else "",
    )


def _interval(draws: np.ndarray, digits: int) -> str:
    median, low, high = (f"{summarised(draws)[name]:.{digits}g}" for name in ("median", "hdi_low", "hdi_high"))
    return f"{median} ({low} to {high})"


def _pictures(found: list[Contrasts]) -> list[Picture]:
    """Of each product, and of covariates that are in none."""
    pairs = {(each.what, name) for each in found if len(each.by) > 1 for name in each.by}
    shown = [each for each in found if len(each.by) > 1 or (each.what, each.by[0]) not in pairs]
    return [_picture(each) for each in shown[:MOST]]


def _picture(contrasts: Contrasts) -> Picture:
    by = listed(contrasts.by)
    return picture(
        lambda width: contrasts_plot(contrasts, width),
        f"Medians of {contrasts.what} by {by}, with participants as dots, and the differences. The values are in the table.",
        f"{contrasts.what} by {by}. Left: medians with 95 % highest-density intervals, and participants (posterior means); right: differences, and in grey what "
        "is negligible, a tenth of the spread of participants either way.",
    )


def brief(subject: Subject) -> list[str]:
    """The main answers for the first screen: a sentence for each difference of one covariate and for each interaction."""
    if subject.fit.learner is None:
        return []
    sentences = [
        sentence
        for each in subject.contrasts
        for contrast, sentence in zip(each.contrasts, each.sentences, strict=True)
        if len(contrast.by) == len(each.by) and not re.search(r"\+ 1\)?$", contrast.label)
    ]
    more = len(sentences) - MOST
    return [*sentences[:MOST], *([f"{more} more are in the table"] if more > 0 else [])]


def sentence(subjects: Iterable[Subject]) -> str:
    """How differences are reported, for a paper; empty if there are none."""
    if not any(each.fit.learner is not None and each.contrasts for each in subjects):
        return ""
    return (
        f"Differences between levels and slopes are posterior medians with {100 * HDI:.0f} % highest-density intervals, with the probability of their "
        "direction and Bayes factors for no difference by the Savage-Dickey method (Wagenmakers et al., 2010)."
    )
