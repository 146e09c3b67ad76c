"""Recovery of known parameters."""

from __future__ import annotations

from trialwise.analysis.against_truth import points, summarised
from trialwise.base.english import listed
from trialwise.reports.blocks import Block, Heading, Section, Table, Text, findings
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject
from trialwise.reports.words import rows
from trialwise.studies.recovery import Recovery

MISSING = (
    "Left out: parameter recovery. Type report(..., recovery=recover(...)) to add a study of simulated participants; or, for fits "
    "of simulated participants, report(..., truth=parameters) with the table of true values that simulate(...) returns "
    "(trialwise report ... --truth simulated/true_parameters.csv)."
)


def section(subjects: list[Subject]) -> Section:
    """True and estimated parameters: of these participants if they are simulated, and of recovery studies."""
    blocks: list[Block] = []
    for subject in subjects:
        if len(subjects) > 1 and (subject.truth is not None or subject.study is not None):
            blocks.append(Heading(subject.label))
        if subject.truth is not None:
            blocks += _truth(subject)
        if subject.study is not None:
            blocks += _study(subject.study)
    return Section("recovery", "Are known parameters recovered?", blocks or [Text(MISSING, "missing")])


def _truth(subject: Subject) -> list[Block]:
    from trialwise.plots.recovery import recovery_plot

    assert subject.truth is not None
    estimates = points(subject.fit, subject.truth)
    table = summarised(estimates)
    correlations = listed(f"{name} {row['correlation']:.2f}" for name, row in table.iterrows())
    alt = f"Estimated against true values of {listed(subject.fit.parameters)}, one point per participant."
    caption = "Posterior means and 89 % intervals; estimates on the line equal the true values."
    return [
        Text(
            f"The participants are simulated, so that their true parameters are known. Correlations of estimates with true values: {correlations}."
        ),
        Table(
            rows("true and estimated parameters", table, None, "parameter"),
            "Coverage: proportion of participants whose 89 % interval contains the true value.",
        ),
        picture(lambda width: recovery_plot(estimates, table, width=width), alt, caption),
    ]


def _study(study: Recovery) -> list[Block]:
    alt = f"Estimated against true values of {listed(str(name) for name in study.table.index)} in simulated data sets."
    return [
        Text("Participants were simulated with known parameters in a similar design and fitted in the same way."),
        *findings(study.findings),
        *_effects(study),
        Table(rows("recovery", study.table, None, "parameter")),
        picture(lambda width: study.plot(width=width), alt, "Estimated against true values of simulated participants."),
    ]


def _effects(study: Recovery) -> list[Block]:
    """The differences of a study with formulas."""
    if not len(study.effects):
        return []
    table = study.effects.reset_index().drop(columns=["set", "datasets"]).set_index("parameter")
    caption = (
        "True differences on the unconstrained scale. Found: share of data sets whose 95 % interval excludes 0, with its 95 % interval; coverage: "
        "share of them whose 95 % interval contains the true difference."
    )
    return [Table(rows("differences", table, None, "parameter"), caption)]
