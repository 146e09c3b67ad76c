"""Recovery: whether known parameters come back."""

from __future__ import annotations

from trialwise.analysis.against_truth import points, summarised
from trialwise.reports.blocks import Block, Heading, Section, Table, Text, listing
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject
from trialwise.reports.words import listed, rows
from trialwise.studies.recover import Recovery

MISSING = (
    "Left out: whether this design lets parameters be found. Type report(..., recovery=recover(...)), what a study of simulated "
    "participants found; or, for fits of simulated participants, report(..., truth=parameters), the table that simulate(...) gives "
    "(trialwise report ... --truth simulated/true_parameters.csv)."
)


def section(subjects: list[Subject]) -> Section:
    """True against estimated parameters: of these participants if they are simulated, and of studies."""
    found: list[Block] = []
    for subject in subjects:
        if len(subjects) > 1 and (subject.truth is not None or subject.study is not None):
            found.append(Heading(subject.label))
        if subject.truth is not None:
            found += _truth(subject)
        if subject.study is not None:
            found += _study(subject.study)
    return Section("recovery", "Do known parameters come back?", found or [Text(MISSING, "missing")])


def _truth(subject: Subject) -> list[Block]:
    from trialwise.plots.recovery import recovery_plot

    assert subject.truth is not None
    found = points(subject.fit, subject.truth)
    table = summarised(found)
    told = listed(f"{name} {row['correlation']:.2f}" for name, row in table.iterrows())
    alt = f"Estimated against true values of {listed(subject.fit.parameters)}, a point a participant."
    caption = "Posterior means and 89 % intervals; on the line if true."
    return [
        Text(
            f"The participants are simulated, so that their true parameters are known. Correlations of estimates with them: {told}."
        ),
        Table(
            rows("true against estimated", table, None, "parameter"),
            "Coverage: the share of participants whose 89 % interval holds the true value.",
        ),
        picture(lambda width: recovery_plot(found, table, width=width), alt, caption),
    ]


def _study(study: Recovery) -> list[Block]:
    alt = f"Estimated against true values of {listed(str(name) for name in study.table.index)} in simulated data sets."
    return [
        *listing(
            "Participants were simulated at known parameters in a design like this one, and fitted in the same way.",
            study.findings,
        ),
        Table(rows("recovery", study.table, None, "parameter")),
        picture(lambda width: study.plot(width=width), alt, "True against estimated values of simulated participants."),
    ]
