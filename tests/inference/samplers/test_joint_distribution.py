"""Joint distribution of parameters, courses of hidden choices, and data, drawn in two ways (Geweke 2004, JASA 99:799).

Simulated from the prior; and by a chain that draws parameters and courses given data, by the sampler, and courses and data given parameters, by
the learner, in turn. If the sampler is right, both are draws from the same joint distribution. Data alone given parameters and courses would
be no simulation, since later hidden choices depend on them.
"""

from dataclasses import replace

import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy.special import softmax

import trialwise as tw
from trialwise.engine.packing import pack
from trialwise.inference.samplers.particle_gibbs.chain import State, Target, advance
from trialwise.inference.samplers.particle_gibbs.hamiltonian import StepSize, no_scale
from trialwise.likelihoods.complete import CompleteLikelihood
from trialwise.population.geometry.expansion import expand
from trialwise.population.population import population_of

pytestmark = pytest.mark.sample

LEARNER = tw.learners.TaskSets(initial=1.2, sets=3).tie(alpha_high="alpha", beta_high="beta").fix(forget_high=0.1)
CONTEXT, CUE = np.array([0, 0, 1, 1, 0, 1, 0]), np.array([0, 1, 0, 0, 1, 0, 0])
TRIALS, RESET, PARTICIPANTS = len(CUE), 5, 2


def shown():
    """The task: two participants, seven trials each, with a reset; choices and outcomes are replaced."""
    trials = tw.simulate(
        LEARNER, tw.environments.AlienTask(trials=TRIALS), dict.fromkeys(LEARNER.names, 0.3), participants=PARTICIPANTS
    ).trials
    values = {"context": np.tile(CONTEXT, PARTICIPANTS), "cue": np.tile(CUE, PARTICIPANTS)}
    columns = {name: replace(trials.columns[name], values=each) for name, each in values.items()}
    return replace(trials, columns=trials.columns | columns, reset=np.tile(np.arange(TRIALS) == RESET, PARTICIPANTS))


def drawn(random, theta):
    """Course, choices and outcomes of one participant with ``alpha, beta, forget = theta``; written out from the learner's equations."""
    alpha, beta, forget = theta
    hidden, choices, outcomes = np.zeros(TRIALS, int), np.zeros(TRIALS, int), np.zeros(TRIALS)
    for t in range(TRIALS):
        if t in (0, RESET):
            low, high = np.full((3, 4, 3), 1.2), np.full((3, 3), 1.2)
        c, s = CONTEXT[t], CUE[t]
        z = random.choice(3, p=softmax(beta * high[c]))
        a = random.choice(3, p=softmax(beta * low[z, s]))
        r = 4.0 * (random.random() < (0.85 if a == c else 0.2))
        low, high = low + forget * (1.2 - low), high + 0.1 * (1.2 - high)
        low[z, s, a] += alpha * (r - low[z, s, a])
        high[c, z] += alpha * (r - high[c, z])
        hidden[t], choices[t], outcomes[t] = z, a, r
    return hidden, choices, outcomes


def facts(group, hidden, choices, outcomes):
    """Numbers that describe a joint draw: parameters, their squares, what courses and data say without labels, and products of both."""
    same = [hidden[:, s] == hidden[:, t] for s, t in ((0, 1), (0, 2), (1, 3), (2, 4), (5, 6))]
    right = choices == CONTEXT
    first = [*group.coefficients, *group.spreads, *group.u[0]]
    return np.array([
        *first, *np.square(first), *np.mean(same, 1), right.mean(), outcomes.mean(), right[:, 4].mean(),
        group.u[0, 1] * right[0].mean(), group.u[0, 0] * (hidden[0, 0] == hidden[0, 1]), group.u[0, 1] * (hidden[0, 1] == hidden[0, 4]),
        group.u[0, 0] * (choices[0, 1] == choices[0, 4]),
    ])  # fmt: skip


@pytest.mark.parametrize("particles", [3, 12])
def test_joint_distribution_of_parameters_courses_and_data(particles):
    trials = shown()
    population, packed = population_of(LEARNER, trials), pack(LEARNER, trials)
    random = np.random.default_rng(particles)

    def of_everyone(theta):
        return tuple(np.array(part) for part in zip(*(drawn(random, each) for each in theta), strict=True))

    simulated = []
    for _ in range(6_000):
        group = population.draw(PARTICIPANTS, random)
        theta = np.stack([p.constrain(group.u[:, k]) for k, p in enumerate(LEARNER.parameters)], 1)
        simulated.append(facts(group, *of_everyone(theta)))
    simulated = np.array(simulated)

    hidden, choices, outcomes = of_everyone(theta)
    target = Target(
        LEARNER, packed, population, None, particles, particles, no_scale(6, PARTICIPANTS, 3), 0.7 * np.eye(3)
    )
    mean = CompleteLikelihood(LEARNER, trials, hidden.ravel())
    target = target._replace(expansion=expand(mean, population))
    ((_, _, place, _),) = packed.outcome
    sampled, x, sweeps = [], None, 0
    for _ in range(3000):
        reals = packed.reals.copy()
        reals[:, place] = outcomes.ravel()
        at = target._replace(
            packed=replace(packed, observed=choices.reshape(-1, 1).astype(packed.observed.dtype), reals=reals)
        )
        if x is None:
            x = at.posterior(hidden.ravel())[0].coordinates(
                group.coefficients, group.spreads, group.u - group.coefficients
            )
        state, _ = advance(at, 0, State(x, hidden.ravel(), sweeps, StepSize.begin(0.5)), 3, False)
        x, sweeps = state.x, state.sweeps
        group, theta = at.posterior(state.courses)[0].values(x)
        sampled.append(facts(group, state.courses.reshape(PARTICIPANTS, TRIALS), choices, outcomes))
        hidden, choices, outcomes = of_everyone(theta)
    sampled = np.array(sampled)[None, 100:]
    effective = np.array(
        [array_stats.ess(sampled[..., k], chain_axis=0, draw_axis=1, method="mean") for k in range(sampled.shape[2])]
    )
    assert effective.min() > 200
    error = np.sqrt(simulated.var(0) / len(simulated) + sampled[0].var(0) / effective)
    z = (sampled[0].mean(0) - simulated.mean(0)) / error
    assert np.abs(z).max() < 4.0 and (z**2).mean() < 1.8
