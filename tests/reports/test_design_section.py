"""Reports of fits with formulas: the design, its priors and the words for a paper, with groups, sessions and conditions."""

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import trialwise as tw
from trialwise.reports.blocks import Listing
from trialwise.reports.sections import checks, design, methods, question, sampling
from trialwise.reports.subject import Subject
from trialwise.studies.recovered_effects import _Effect

pytestmark = pytest.mark.sample

LEARNER = tw.QLearning(initial=1.2)
LABELS = [f"p{n}" for n in range(7)]
PEOPLE = {"participant": LABELS, "group": ["control", "patient"] * 3 + ["control"], "age": [20, 31, 25, 44, 52, 38, 29]}
SHORT = {"draws": 50, "tune": 100, "chains": 2, "progress": False, "seed": 1}


@pytest.fixture(scope="module")
def frame():
    """Seven participants, of whom the last has one session only."""
    task, parameters = tw.environments.AlienTask(trials=24), {"alpha": 0.3, "beta": 2.0, "forget": 0.05}
    sessions = []
    for session in ("s1", "s2"):
        simulated = tw.simulate(LEARNER, task, parameters, participants=LABELS, seed=len(sessions))
        sessions.append(simulated.trials.to_frame().assign(session=session))
    both = pd.concat(sessions)
    return both[(both["participant"] != "p6") | (both["session"] == "s1")].reset_index(drop=True)


@pytest.fixture(scope="module")
def fits(frame):
    frame = frame.assign(phase=np.where(frame["trial"] % 8 < 4, "stable", "volatile"))
    trials = tw.read_long(frame, labels={"phase": "phase"})
    own = {"alpha_effects": pm.Normal.dist(0, 0.2)}
    return {
        "sessions": tw.fit(
            LEARNER, trials, formulas={"alpha": "0 + session", "beta": "session + group"}, participants=PEOPLE, correlated=True, **SHORT
        ),
        "conditions": tw.fit(LEARNER, trials, formulas="alpha ~ phase * age", participants=PEOPLE, **SHORT),
        "own priors": tw.fit(
            LEARNER.fix(forget=0), trials, formulas="alpha ~ group + age", participants=PEOPLE, priors=own, **SHORT
        ),
        "plain": tw.fit(LEARNER, trials, **SHORT),
    }  # fmt: skip


def tables(subject):
    """The tables of the design by title."""
    found = {}
    for block in design.section([subject]).blocks:
        for each in getattr(block, "blocks", [block]):
            if hasattr(each, "rows"):
                found[each.rows.title] = each.rows.rows
    return found


def test_participants_are_counted_once_at_each_level(fits):
    levels = tables(Subject("fit", fits["sessions"]))["participants at each level"]
    assert levels == (
        ("session", "s1", "7", "7"), ("session", "s2", "6", "6"), ("group", "control", "4", "7"), ("group", "patient", "3", "6"),
    )  # fmt: skip


def test_medians_at_levels_are_those_of_the_draws(fits):
    fit = fits["sessions"]
    medians = {row[:2]: row[2:] for row in tables(Subject("fit", fit))["group medians at levels and values"]}
    posterior = fit.tree["posterior"]
    s1 = 1 / (1 + np.exp(-posterior["alpha_effects[session[s1]]"].to_numpy()))
    assert medians["alpha", "session s1"][0] == f"{s1.mean():.3g}"
    patient = np.exp(posterior["beta_mu"] + posterior["beta_effects[group.1]"] / np.sqrt(2)).to_numpy()
    assert medians["beta", "group patient"] == (
        f"{patient.mean():.3g}", *(f"{each:.3g}" for each in np.quantile(patient, [0.055, 0.945])),
    )  # fmt: skip


def test_priors_of_every_variable_of_the_group_are_named(fits):
    for name in ("sessions", "conditions", "own priors"):
        subject = Subject(name, fits[name])
        assert set(subject.priors_by_name) == set(fits[name].group_names)
    sessions = Subject("fit", fits["sessions"]).priors_by_name
    assert sessions["correlation[alpha session[s1], alpha session[s2]]"] == "LKJ(1)"
    assert sessions["beta_effects[group.1]"] == "Normal(0, 0.5)"
    own = Subject("fit", fits["own priors"]).priors_by_name
    assert own["alpha_effects[age]"] == own["alpha_effects[group.1]"] == "Normal(0, 0.2)"
    mean, width = Subject("fit", fits["own priors"]).median_prior("alpha")
    assert own["alpha_mu"] == f"Normal({mean:.3g}, {width:.3g})"


def test_methods_have_formula_coding_and_priors(fits):
    words = methods.paragraph(Subject("fit", fits["sessions"]))
    for text in (
        "of 7 participants (312 trials, 24 to 48 each)", "(alpha ~ 0 + session; beta ~ session + group)",
        "session (levels s1 and s2): a coefficient for each level for alpha; orthonormal columns",
        "independent of each other, apart from correlation[alpha session[s1], alpha session[s2]]", "Normal(0, 0.5) for beta_effects[session.1] and beta_effects[group.1]",
    ):  # fmt: skip
        assert text in words
    mean, sd = np.mean(PEOPLE["age"]), np.std(PEOPLE["age"], ddof=1)
    assert f"standardised over participants (mean {mean:.3g}, SD {sd:.3g})" in methods.paragraph(
        Subject("f", fits["conditions"])
    )


def test_slopes_on_trials_are_not_conditions(frame):
    """A slope is said to be one, standardised over trials; deviations within participants have no mean of their own."""
    random = np.random.default_rng(1)
    frame = frame.assign(
        stake=random.normal(5.0, 2.0, len(frame)),
        dose=random.normal(0.0, 1.0, 50)[pd.factorize(frame["participant"] + frame["session"])[0]],
    )
    trials = tw.read_long(frame, numbers=["stake", "dose"])
    fit = tw.fit(
        LEARNER.fix(forget=0),
        trials,
        formulas={
            "alpha": "age",
            "beta": "stake",
        },
        participants=PEOPLE,
        **SHORT,
    )
    text = design.section([Subject("fit", fit)]).blocks[0].words
    assert "a slope of beta on stake, which changes from trial to trial" in text and "switch" not in text
    coding = "; ".join(design.coding_of(fit.design))
    assert "stake: standardised over trials, of which those of each participant weigh the same" in coding
    assert "age: standardised over participants" in coding
    both = tw.fit(LEARNER.fix(forget=0), trials, formulas={"alpha": "dose"}, participants=PEOPLE, **SHORT)
    coding = "; ".join(design.coding_of(both.design))
    assert "dose[within]: deviations from the means of participants, in units of" in coding
    assert "dose[between]: standardised over participants" in coding


def test_reports_of_all_designs_are_written(fits, tmp_path):
    """From files, without the learners, and several in one page."""
    for name, fit in fits.items():
        fit.save(tmp_path / f"{name}.nc")
    loaded = {name: tw.load(tmp_path / f"{name}.nc") for name in fits}
    page = tw.report(loaded, tmp_path / "all.html", progress=False).read_text("utf-8")
    section = unescape(re.search(r'<section[^>]*id="design".*?</section>', page, re.S)[0])
    assert "7 participants have 13 rows of parameters" in section and "several values of alpha" in section
    assert section.count("parameters depend on covariates") == 3  # none of the plain fit
    assert "alpha before the data, with 95 % each" in unescape(page)
    estimates = re.search(r'<section[^>]*id="estimates".*?</section>', page, re.S)[0]
    cells = re.findall(r"<tr><t[hd][^>]*>(p\d)</t[hd]><t[hd][^>]*>(s\d)</t[hd]>", estimates)
    assert cells == [(f"p{n}", s) for n in range(7) for s in ("s1", "s2") if (n, s) != (6, "s2")]
    assert "7 participants with" in page and "p6 / s1" not in page
    plain = tw.report(loaded["plain"], tmp_path / "plain.html", progress=False).read_text("utf-8")
    assert 'id="design"' not in plain


def test_reports_answer_the_question_of_the_formulas(fits, tmp_path):
    """The differences stand on the first screen, in the section of the design with pictures, and in the methods; they are those of tw.contrasts."""
    fit = fits["sessions"]
    page = tw.report(fit, tmp_path / "report.html", progress=False).read_text("utf-8")
    brief, section, cited = (
        " ".join(unescape(re.sub("<[^>]*>", " ", re.search(rf'<section[^>]*id="{name}".*?</section>', page, re.S)[0])).split())
        for name in ("question", "design", "citations")
    )  # fmt: skip
    for by in ("session", "group"):
        answer = tw.contrasts(fit, "beta", by=by)
        assert answer.sentences[0] in brief
        row = answer.differences.query("scale == 'factor'").iloc[0]
        assert f"{row['median']:.3g} ({row['hdi_low']:.3g} to {row['hdi_high']:.3g})" in section
        assert f"{answer.evidence['bf01_half'][0]:.3g}" in section
    assert "how do they depend on session and group?" in brief
    assert page.count('alt="Medians of ') == 3
    assert "Savage-Dickey method (Wagenmakers et al., 2010)" in methods.paragraph(Subject("fit", fit))
    assert "Wagenmakers, E.-J." in cited
    plain = tw.report(fits["plain"], tmp_path / "plain.html", progress=False).read_text("utf-8")
    assert "Wagenmakers" not in plain and "Differences" not in plain


def test_without_the_learner_differences_are_left_out_with_what_to_type(fits):
    subject = Subject("fit", replace(fits["sessions"], learner=None))
    *_, missing = design.section([subject]).blocks
    assert missing.tone == "missing" and "--learner FILE" in missing.words
    assert "Savage-Dickey" not in methods.paragraph(subject)


def test_correlations_stand_beside_their_priors(fits):
    fit = fits["sessions"]
    ((name, *cells),) = [
        row for row in tables(Subject("fit", fit))["correlations, after and before the data"] if "alpha" in row[0]
    ]
    draws = fit.draws["correlation[alpha session[s1], alpha session[s2]]"].to_numpy()
    assert name == "alpha session[s1], alpha session[s2]"
    assert cells[:3] == [f"{each:.2f}" for each in (draws.mean(), *np.quantile(draws, [0.055, 0.945]))]
    assert cells[3:] == ["-0.89", "0.89"]  # uniform
    assert "correlations, after and before the data" not in tables(Subject("fit", fits["own priors"]))


def test_what_the_prior_implies_stands_once_beside_the_priors(fits):
    """The notes of the fit that are about something else stay where they were."""
    subject = Subject("fit", fits["sessions"])
    (notes,) = [block.items for block in sampling.section([subject]).blocks if isinstance(block, Listing)]
    assert any("(session | participant) is added" in str(each) for each in notes)
    assert not any("before the data" in str(each) for each in notes)
    (implied,) = [block.items for block in design.priors(subject) if isinstance(block, Listing)]
    said = [str(each.sentence) for each in fits["sessions"].findings if "before the data" in str(each.sentence)]
    assert implied == said and len(said) >= 3


def test_checks_say_whether_parameters_were_drawn_anew(fits):
    for anew, words in ((False, "parameters drawn from the posterior"), (True, "parameters drawn anew from the group")):
        checked = tw.check(fits["own priors"], datasets=3, anew=anew, progress=False)
        subject = Subject("fit", fits["own priors"], checked)
        assert words in checks.section([subject]).blocks[0].words
        assert ("with parameters drawn anew from the group," in methods.paragraph(subject)) == anew


def test_the_first_screen_says_how_often_a_difference_is_found():
    row = {
        "by": "group", "true": -0.5, "found": 0.25, "found_low": 0.05, "found_high": 0.7, "width": 1.3, "sign_errors": 0.0, "estimate": -0.4,
        "datasets": 4, "coverage": 1.0, "bias": 0.1,
    }  # fmt: skip
    finding = _Effect("alpha", "group, patient - control", "logit", row, 16, None).finding()
    assert question.short(finding) == (
        "alpha by group, patient - control: with 16 participants, a difference of -0.5 (logit) is found in 25% of data sets (95 % interval 5 to 70)"
    )
