"""Q-learning of a two-armed bandit in PyMC, as in its gallery: a scan over trials, vectorised over rows of parameters; effects not centred.

Sampled by nutpie with Numba, the fastest of PyMC's samplers for such a model on a processor.
"""

from __future__ import annotations

import time

import numpy as np
import nutpie
import pymc as pm
import pytensor
import pytensor.tensor as pt

from benchmarks.bandit import INITIAL, Bandit


def log_likelihood(bandit: Bandit, alpha: pt.TensorVariable, beta: pt.TensorVariable) -> pt.TensorVariable:
    """The log-likelihood of all rows; the state of the scan is the value of both options."""
    rows = np.arange(len(bandit.owner))
    choice, outcome = bandit.choice.T.copy(), bandit.outcome.T.copy()

    def update(choice, outcome, q, alpha):
        cell = (rows, choice)
        return pt.set_subtensor(q[cell], q[cell] + alpha * (outcome - q[cell]))

    start = pt.full((len(rows), 2), INITIAL)
    after = pytensor.scan(
        update, sequences=[pt.as_tensor(choice), pt.as_tensor(outcome)], outputs_info=[start], non_sequences=[alpha],
        return_updates=False,
    )  # fmt: skip
    before = pt.concatenate([start[None], after[:-1]], axis=0)
    logit = beta[None] * (before[:, :, 1] - before[:, :, 0])
    return -pt.softplus(pt.where(choice == 1, -logit, logit)).sum()


def model_of(bandit: Bandit) -> pm.Model:
    """The model, with the group's parameters under their names in trialwise."""
    with pm.Model() as model:
        values = []
        for letter, terms in bandit.terms.items():
            mean = bandit.means[letter]
            names = zip(terms.coefficients, mean, terms.width, strict=True)
            coefficients = pt.stack([pm.Normal(name, m, w) for name, m, w in names])
            effects = len(terms.spreads)
            z = pm.Normal(f"z_{letter}", 0, 1, shape=(bandit.owner.max() + 1, effects))
            sd = pt.stack([pm.HalfNormal(name, scale) for name, scale in zip(terms.spreads, terms.scale, strict=True)])
            if terms.correlation:
                r = pm.Uniform(terms.correlation, -1, 1)  # LKJ(1) of two effects
                first, second = z[:, 0], r * z[:, 0] + pt.sqrt(1 - r**2) * z[:, 1]
                v = sd * pt.stack([first, second], axis=1)
            else:
                v = sd * z
            values.append(terms.common @ coefficients + (terms.effects * v[bandit.owner]).sum(1))
        pm.Potential("choices", log_likelihood(bandit, pm.math.sigmoid(values[0]), pt.exp(values[1])))
    return model


def sample(bandit: Bandit, draws: int, tune: int, chains: int, seed: int) -> tuple[dict[str, np.ndarray], float, int]:
    """Draws ``(chains, draws)`` of the group's parameters, seconds of sampling, divergences."""
    compiled = nutpie.compile_pymc_model(model_of(bandit))
    start = time.perf_counter()
    tree = nutpie.sample(compiled, draws=draws, tune=tune, chains=chains, seed=seed, progress_bar=False)
    seconds = time.perf_counter() - start
    names = [
        n for terms in bandit.terms.values() for n in (*terms.coefficients, *terms.spreads, terms.correlation) if n
    ]
    found = {name: tree.posterior[name].to_numpy() for name in names}
    return found, seconds, int(tree.sample_stats["diverging"].sum())
