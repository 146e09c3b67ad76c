"""The methods in a paragraph that can be pasted into a paper; what the figures of the report rest on, and what to cite."""

from __future__ import annotations

from trialwise.learners.parameters import Parameter
from trialwise.population.names import mean_name, spread_name
from trialwise.reports.blocks import Block, Heading, Quotation, Section, Text
from trialwise.reports.sections.learners import SCALES
from trialwise.reports.subject import Subject
from trialwise.reports.words import counted, listed


def section(subjects: list[Subject]) -> Section:
    """A paragraph a fit."""
    found: list[Block] = [
        Text(
            "To be pasted into a paper. It says what was done, not why: the choice of learner, exclusions and hypotheses are yours to tell.",
            "muted",
        )
    ]
    for subject in subjects:
        if len(subjects) > 1:
            found.append(Heading(subject.label))
        found.append(Quotation(paragraph(subject)))
    return Section("methods", "Methods", found)


def paragraph(subject: Subject) -> str:
    """Data, learner, hierarchy, priors, sampler, diagnostics, software."""
    told = [_data(subject), _free(subject), _priors(subject), _sampler(subject), _diagnostics(subject)]
    if subject.check is not None:
        told.append(_check(subject))
    told.append(
        "We report posterior means and equal-tailed 89 % intervals." if not subject.grouped else
        "We report posterior means and equal-tailed 89 % intervals; group values on the natural scale are medians."
    )  # fmt: skip
    return " ".join([each for each in told if each] + [_software(subject)])


def _data(subject: Subject) -> str:
    trials = subject.fit.trials
    family = subject.family
    lengths = trials.lengths
    each = f"{lengths.min()} each" if lengths.min() == lengths.max() else f"{lengths.min()} to {lengths.max()} each"
    missed = int((~trials.responded).sum())
    text = (
        f"We fitted the learner {subject.label} to the {family.plural} of {counted(trials.n_participants, 'participant')} "
        f"({counted(trials.n_trials, 'trial')}, {each})"
    )
    if missed:
        text += f"; the {counted(missed, f'missed {family.noun}')} did not count and taught nothing, but time passed on them"
    return f"{text}."


def _free(subject: Subject) -> str:
    roles = {p.name: f"{p.name} ({p.role}, {p.range})" for p in subject.parameters}
    names = [roles.get(name, name) for name in subject.fit.parameters]
    text = f"Free {'parameters were' if len(names) > 1 else 'parameter was'} {listed(names)}"
    told = subject.restrictions
    held = [f"{name} was held at {value:g}" for name, value in told["fixed"].items()]
    held += [f"{name} was equal to {other}" for name, other in told["tied"].items()]
    held += [f"{name} was set to {value}" for name, value in told["settings"].items()]
    return "; ".join([text, *held]) + "."


def _priors(subject: Subject) -> str:
    if subject.prior is None:
        return ""
    if not subject.grouped:
        how = (
            "Each participant was fitted alone"
            if not subject.fit.draws.shared
            else "All participants shared one set of parameters"
        )
        each = [_alone(subject, k, p) for k, p in enumerate(subject.parameters)]
        return f"{how}, with priors on the unconstrained scale: {listed(each)}."
    means = [_mean(subject, k, p) for k, p in enumerate(subject.parameters)]
    spreads = [_spread(subject, k, p) for k, p in enumerate(subject.parameters)]
    same = len({each.split(" ~ ")[1] for each in spreads}) == 1
    told = f"{spreads[0].split(' ~ ')[1]} for the spread of each" if same else f"{listed(spreads)} for spreads"
    return (
        "The model was hierarchical: on an unconstrained scale (logit for bounded, log for positive parameters) participants came from a "
        f"Normal distribution, with priors {listed(means)} for its mean, and {told}."
    )


def _mean(subject: Subject, k: int, p: Parameter) -> str:
    assert subject.prior is not None
    key = mean_name(p.name)
    said = (
        f"Normal({subject.prior.mean[k]:.3g}, {subject.prior.width[k]:.3g})"
        if subject.knows_prior(key)
        else subject.given_priors[key]
    )
    return f"{SCALES[p.support]}({p.name}) ~ {said}" if p.support != "real" else f"{p.name} ~ {said}"


def _spread(subject: Subject, k: int, p: Parameter) -> str:
    assert subject.prior is not None
    key = spread_name(p.name)
    return f"{p.name} ~ " + (
        f"HalfNormal({subject.prior.spread[k]:.3g})" if subject.knows_prior(key) else subject.given_priors[key]
    )


def _alone(subject: Subject, k: int, p: Parameter) -> str:
    assert subject.prior is not None
    if not subject.knows_prior(p.name):
        return f"{p.name} ~ {subject.given_priors[p.name]} (natural scale)"
    return f"{SCALES[p.support]}({p.name}) ~ Normal({subject.prior.mean[k]:.3g}, {subject.prior.total[k]:.3g})"


def _sampler(subject: Subject) -> str:
    attrs, drawn = subject.fit.attrs, subject.fit.draws
    draws = f"{counted(drawn.chains, 'chain')} of {counted(drawn.length, 'draw')} each"
    return subject.sampler.sentence(attrs, draws)


def _diagnostics(subject: Subject) -> str:
    table, stats = subject.fit.group(), subject.fit.tree["sample_stats"]
    of = "parameters of the group" if subject.grouped else "parameters"
    text = (
        f"Over all {of}, the largest R-hat was {table['r_hat'].max():.3f}, and the smallest bulk and tail effective sample sizes were "
        f"{table['ess_bulk'].min():.0f} and {table['ess_tail'].min():.0f} (Vehtari et al., 2021)"
    )
    if subject.sampler.counts_divergences:
        count = int(stats["diverging"].sum())
        text += f"; {'no transition' if not count else counted(count, 'transition')} diverged"
    return f"{text}."


def _check(subject: Subject) -> str:
    check = subject.check
    assert check is not None
    how = (
        "simulated by agents that went through the task by themselves"
        if check.kind == "rollout"
        else "drawn one step ahead"
    )
    return (
        f"In {counted(len(check.simulated), 'data set')} {how}, {len(check.table) - len(check.missed)} of {len(check.table)} behavioural "
        "measures had their observed value within the 89 % predictive interval."
    )


def _software(subject: Subject) -> str:
    attrs = subject.fit.attrs
    used = [f"{name} {attrs[f'{key}_version']}" for key, name in _packages(subject)]
    return f"Analyses used trialwise {attrs['trialwise_version']} with {listed(used)} and Python {attrs['python_version']}; seed {attrs['seed']}."


def _packages(subject: Subject) -> list[tuple[str, str]]:
    known = {"numba": "Numba", "nutpie": "nutpie", "numpy": "NumPy", "arviz": "ArviZ"}
    return [(key, name) for key, name in known.items() if f"{key}_version" in subject.fit.attrs]
