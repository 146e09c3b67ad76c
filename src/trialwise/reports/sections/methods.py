"""A methods paragraph for each fit, to be pasted into a paper."""

from __future__ import annotations

import numpy as np

from trialwise.base.english import counted, listed
from trialwise.data.reading.exclusion import exclusions
from trialwise.learners.parameters import Parameter
from trialwise.population.names import mean_name, spread_name
from trialwise.reports.blocks import Block, Heading, Quotation, Section, Text
from trialwise.reports.sections import design, differences
from trialwise.reports.sections.learners import SCALES
from trialwise.reports.subject import Subject


def section(subjects: list[Subject]) -> Section:
    """One paragraph per fit."""
    blocks: list[Block] = [
        Text(
            "Text for a paper. It describes what was done but not why; please add the reasons for the choice of learner, exclusions and hypotheses.",
            "muted",
        )
    ]
    for subject in subjects:
        if len(subjects) > 1:
            blocks.append(Heading(subject.label))
        blocks.append(Quotation(paragraph(subject)))
    return Section("methods", "Methods", blocks)


def paragraph(subject: Subject) -> str:
    """The paragraph: data, learner, hierarchy, priors, sampler, diagnostics, software."""
    sentences = [_data(subject), _free(subject), _priors(subject), _sampler(subject), _diagnostics(subject)]
    if subject.check is not None:
        sentences.append(_check(subject))
    sentences.append(
        "We report posterior means and equal-tailed 89 % intervals." if not subject.grouped else
        "We report posterior means and equal-tailed 89 % intervals; group values on the natural scale are medians."
    )  # fmt: skip
    sentences.append(differences.sentence([subject]))
    return " ".join([each for each in sentences if each] + [_software(subject)])


def _data(subject: Subject) -> str:
    trials = subject.fit.trials
    family = subject.family
    rows = trials.file_rows  # the participants' own trials, of which an expanded file has several rows
    lengths = subject.by_participant(np.bincount(rows.owner, minlength=trials.n_participants))
    each = f"{lengths.min()} each" if lengths.min() == lengths.max() else f"{lengths.min()} to {lengths.max()} each"
    if len(rows) < trials.n_trials:
        few, many = int(rows.lengths.min()), int(rows.lengths.max())
        each += f"; {few if few == many else f'{few} to {many}'} steps in each trial, {trials.n_trials} in all"
    missed = int((~trials.responded).sum())
    text = (
        f"We fitted the learner {subject.learner_name} to the {family.plural} of {counted(subject.participants, 'participant')} "
        f"({counted(len(rows), 'trial')}, {each})"
    )
    if words := exclusions(trials):
        text += f"; {words}"
    if forced := int((trials.responded & ~trials.own).sum()):
        text += f"; {counted(forced, f'forced {family.noun}')} contributed to learning and not to the likelihood"
    if missed:
        text += f"; {_missed(counted(missed, f'missed {family.noun}'), subject)}"
    return f"{text}."


def _missed(responses: str, subject: Subject) -> str:
    """What trials without a response contributed, which depends on the family of responses and on the learner."""
    family, continued = subject.family, "elapse" in subject.methods
    scored, learned = family.scores_missing, family.learns_when_missing and "learn" in subject.methods
    learned = learned or "watch" in subject.methods
    if scored and learned:
        text = f"the {responses} contributed to the likelihood as responses that did not come in time, and outcomes on those trials to learning"
    elif scored:
        text = (
            f"the {responses} contributed to the likelihood as responses that did not come in time, but not to learning"
        )
    elif learned:
        text = f"the {responses} did not contribute to the likelihood, but outcomes on those trials contributed to learning"
    else:
        text = f"the {responses} contributed neither to the likelihood nor to learning"
    return f"{text}; changes from trial to trial, such as forgetting, continued" if continued else text


def _free(subject: Subject) -> str:
    roles = {p.name: f"{p.name} ({p.role}, {p.range})" for p in subject.parameters}
    names = [roles.get(name, name) for name in subject.fit.parameters]
    text = f"Free {'parameters were' if len(names) > 1 else 'parameter was'} {listed(names)}"
    restrictions = subject.restrictions
    values = [f"{name} was fixed at {value:g}" for name, value in restrictions["fixed"].items()]
    values += [f"{name} was equal to {other}" for name, other in restrictions["tied"].items()]
    values += [f"{name} was set to {value}" for name, value in restrictions["settings"].items()]
    return "; ".join([text, *values]) + "."


def _priors(subject: Subject) -> str:
    if subject.prior is None:
        return ""
    if not subject.grouped:
        pooling = (
            "Each participant was fitted separately"
            if not subject.fit.draws.shared
            else "All participants shared one set of parameters"
        )
        each = [_alone(subject, k, p) for k, p in enumerate(subject.parameters)]
        return f"{pooling}, with priors on the unconstrained scale: {listed(each)}."
    if subject.fit.design is not None:
        return design.sentence(subject)
    means = [_mean(subject, k, p) for k, p in enumerate(subject.parameters)]
    spreads = [_spread(subject, k, p) for k, p in enumerate(subject.parameters)]
    same = len({each.split(" ~ ")[1] for each in spreads}) == 1
    spread_text = f"{spreads[0].split(' ~ ')[1]} for the spread of each" if same else f"{listed(spreads)} for spreads"
    return (
        "The model was hierarchical: on an unconstrained scale (logit for bounded, log for positive parameters), the parameters of participants followed a "
        f"Normal distribution, with priors {listed(means)} for its mean, and {spread_text}."
    )


def _mean(subject: Subject, k: int, p: Parameter) -> str:
    assert subject.prior is not None
    key = mean_name(p.name)
    prior = (
        f"Normal({subject.prior.mean[k]:.3g}, {subject.prior.width[k]:.3g})"
        if subject.has_prior(key)
        else subject.user_priors[key]
    )
    return f"{SCALES[p.support]}({p.name}) ~ {prior}" if p.support != "real" else f"{p.name} ~ {prior}"


def _spread(subject: Subject, k: int, p: Parameter) -> str:
    assert subject.prior is not None
    key = spread_name(p.name)
    return f"{p.name} ~ " + (
        f"HalfNormal({subject.prior.spread[k]:.3g})" if subject.has_prior(key) else subject.user_priors[key]
    )


def _alone(subject: Subject, k: int, p: Parameter) -> str:
    assert subject.prior is not None
    if not subject.has_prior(p.name):
        return f"{p.name} ~ {subject.user_priors[p.name]} (natural scale)"
    return f"{SCALES[p.support]}({p.name}) ~ Normal({subject.prior.mean[k]:.3g}, {subject.prior.total[k]:.3g})"


def _sampler(subject: Subject) -> str:
    attrs, posterior = subject.fit.attrs, subject.fit.draws
    draws = f"{counted(posterior.chains, 'chain')} of {counted(posterior.length, 'draw')} each"
    return subject.sampler.sentence(attrs, draws)


def _diagnostics(subject: Subject) -> str:
    table, stats = subject.fit.group(), subject.fit.tree["sample_stats"]
    parameters = "group parameters" if subject.grouped else "parameters"
    text = (
        f"Over all {parameters}, the largest R-hat was {table['r_hat'].max():.3f}, and the smallest bulk and tail effective sample sizes were "
        f"{table['ess_bulk'].min():.0f} and {table['ess_tail'].min():.0f} (Vehtari et al., 2021)"
    )
    if subject.sampler.counts_divergences:
        count = int(stats["diverging"].sum())
        text += f"; {'no transition' if not count else counted(count, 'transition')} diverged"
    return f"{text}."


def _check(subject: Subject) -> str:
    check = subject.check
    assert check is not None
    method = (
        "simulated with agents acting on their own in the environment"
        if check.kind == "rollout"
        else "predicted one step ahead"
    )
    method += ", with parameters drawn anew from the group," if check.anew else ","
    return (
        f"In {counted(len(check.simulated), 'data set')} {method} {len(check.table) - len(check.missed)} of {len(check.table)} behavioural "
        "measures had observed values within the 89 % predictive interval."
    )


def _software(subject: Subject) -> str:
    attrs = subject.fit.attrs
    packages = [f"{name} {attrs[f'{key}_version']}" for key, name in _packages(subject)]
    return f"Analyses used trialwise {attrs['trialwise_version']} with {listed(packages)} and Python {attrs['python_version']}; seed {attrs['seed']}."


def _packages(subject: Subject) -> list[tuple[str, str]]:
    names = {"numba": "Numba", "nutpie": "nutpie", "numpy": "NumPy", "arviz": "ArviZ"}
    return [(key, name) for key, name in names.items() if f"{key}_version" in subject.fit.attrs]
