"""Fits with a hidden choice: compared with plain pseudo-marginal chains and with frozen noise, and what they contain."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, softmax

import trialwise as tw
from trialwise.engine.packing import pack
from trialwise.engine.run_hidden import run_particles, stream_keys
from trialwise.population.population import population_of

pytestmark = pytest.mark.sample

TIED = tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
RANGES = {"alpha": (0.1, 0.5), "beta": (0.8, 2.5), "forget": (0.0, 0.1)}
QUIET = {"progress": False}


@pytest.fixture(scope="module")
def simulation():
    """Four agents of 60 trials."""
    return tw.simulate(TIED, tw.environments.AlienTask(trials=60), RANGES, participants=4, seed=6)


def plain_chains(learner, trials, *, grouped, chains, sweeps, seed=0):
    """Metropolis within Gibbs with random walks, 20 particles per estimate; unconstrained draws of the second half of the sweeps.

    Participants are updated given the group, then means and log spreads given participants; independent of the implementation
    except for the likelihood estimates.
    """
    packed, prior = pack(learner, trials), population_of(learner, trials).prior
    random, participants, size = np.random.default_rng(seed), trials.n_participants, len(learner.names)
    participant, count = np.tile(np.arange(participants), chains), [0]

    def estimate(u):
        free = np.stack([p.constrain(u[..., k].ravel()) for k, p in enumerate(learner.parameters)], 1)
        keys = stream_keys(np.uint64(seed), np.arange(count[0], count[0] + len(free)))
        count[0] += len(free)
        return run_particles(learner, packed, free, participant, keys, 20).log_likelihood.reshape(chains, participants)

    def group(mu, log_sd):
        sd = np.exp(log_sd)
        return (-0.5 * ((mu - prior.mean) / prior.width) ** 2 - 0.5 * (sd / prior.spread) ** 2 + log_sd).sum(-1)

    def log_density_of_participants(u, mu, log_sd):
        return -(0.5 * ((u - mu[:, None]) / np.exp(log_sd)[:, None]) ** 2 + log_sd[:, None]).sum(-1)

    mu = np.tile(prior.mean, (chains, 1))
    log_sd = np.log(np.tile(prior.spread if grouped else prior.total, (chains, 1)))
    u = mu[:, None] + 0.5 * random.standard_normal((chains, participants, size))
    value, draws = estimate(u), []
    for sweep in range(sweeps):
        proposal = u + random.choice([0.15, 0.5, 1.2]) * random.standard_normal(u.shape)
        result = estimate(proposal)
        gain = (
            result
            + log_density_of_participants(proposal, mu, log_sd)
            - value
            - log_density_of_participants(u, mu, log_sd)
        )
        accept = np.log(random.random(gain.shape)) < gain
        u, value = np.where(accept[..., None], proposal, u), np.where(accept, result, value)
        for _ in range(6 if grouped else 0):
            step = random.choice([0.2, 0.6])
            proposed_mu, proposed_sd = (
                mu + step * random.standard_normal(mu.shape),
                log_sd + step * random.standard_normal(mu.shape),
            )
            gain = group(proposed_mu, proposed_sd) + log_density_of_participants(u, proposed_mu, proposed_sd).sum(1)
            gain -= group(mu, log_sd) + log_density_of_participants(u, mu, log_sd).sum(1)
            accept = (np.log(random.random(chains)) < gain)[:, None]
            mu, log_sd = np.where(accept, proposed_mu, mu), np.where(accept, proposed_sd, log_sd)
        if sweep >= sweeps // 2:
            draws.append(np.concatenate([mu, np.exp(log_sd), u.reshape(chains, -1)], 1))
    return np.stack(draws, 1)


def agree(result, plain, ess):
    """Means agree within Monte Carlo errors, spreads approximately; the error of the plain chains is estimated between chains."""
    error = np.sqrt(result.var() / ess + plain.mean(1).var(ddof=1) / len(plain))
    assert abs(result.mean() - plain.mean()) < 4.5 * error + 0.02
    assert 0.7 < result.std() / plain.std() < 1.4


def test_separate_fits_agree_with_plain_chains(simulation):
    trials = simulation.trials.select(simulation.trials.participants[:2])
    fit = tw.fit(TIED, trials, draws=250, chains=4, seed=2, pooling="none", **QUIET)
    plain = plain_chains(TIED, trials, grouped=False, chains=16, sweeps=3000)[:, :, 6:].reshape(16, -1, 2, 3)
    ess = fit.summary()[["ess_bulk", "ess_tail"]].min(axis=1)
    for k, name in enumerate(TIED.names):
        draws = fit.tree["posterior"][f"{name}_unconstrained"].to_numpy()
        for n in range(2):
            agree(draws[..., n], plain[:, :, n, k], ess[f"{name}[{trials.participants[n]}]"])


def test_a_hierarchical_fit_agrees_with_plain_chains(simulation):
    fit = tw.fit(TIED, simulation.trials, draws=250, chains=4, seed=2, **QUIET)
    plain = plain_chains(TIED, simulation.trials, grouped=True, chains=16, sweeps=4000)
    posterior, table = fit.tree["posterior"], fit.summary()
    for k, name in enumerate(TIED.names):
        agree(posterior[f"{name}_mu"].to_numpy(), plain[:, :, k], table.loc[f"{name}_mu", "ess_bulk"])
        agree(posterior[f"{name}_sd"].to_numpy(), plain[:, :, 3 + k], table.loc[f"{name}_sd", "ess_bulk"])
        participant_draws = posterior["individual"].to_numpy()[:, :, 1, k]
        agree(
            participant_draws,
            plain[:, :, 6 + 3 + k],
            table.loc[f"{name}[{simulation.trials.participants[1]}]", "ess_bulk"],
        )


def test_contents_of_a_fit_with_a_hidden_choice(simulation, tmp_path):
    fit = tw.fit(TIED, simulation.trials, draws=40, chains=2, seed=1, **QUIET)
    posterior = fit.tree["posterior"]
    assert posterior["alpha"].dims == ("chain", "draw", "participant") and posterior["alpha_mu"].shape == (2, 40)
    np.testing.assert_allclose(posterior["alpha"], expit(posterior["individual"].sel(parameter="alpha")))
    assert set(fit.attrs) >= {"particles_of_a_filter", "sweeps", "sweeps_per_draw", "step_sizes", "renewal"}
    assert fit.attrs["sampler"] == "particle-gibbs"
    values = fit.trial_values()
    assert {"hidden_current", "error", "error_high"} <= set(values)
    fit.save(tmp_path / "fit.nc")
    loaded = tw.load(tmp_path / "fit.nc")
    assert loaded.learner == TIED and loaded.summary().equals(fit.summary())
    diagnosis = tw.diagnose(loaded)
    acceptance = fit.tree["sample_stats"]["acceptance_rate"]
    np.testing.assert_allclose(diagnosis.sampler["acceptance"], acceptance.mean("draw"), rtol=1e-14)
    assert not diagnosis.table["overlap"].isna().any()
    assert {"renewal", "away"} <= set(diagnosis.participants)
    with pytest.raises(tw.errors.LearnerError, match="PyMC's samplers need an exact, differentiable likelihood"):
        fit.model  # noqa: B018


# -- frozen noise is not inference ---------------------------------------------------------------------------------------


def frozen_likelihood(theta, data, uniforms, initial=1.2):
    """The likelihood of the published attempts: sets are drawn within it, from fixed uniform numbers."""
    alpha, beta, forget, alpha_high, beta_high, forget_high = theta
    low, high = np.full((3, 4, 3), initial), np.full((3, 3), initial)
    total = 0.0
    for context, cue, action, reward, uniform in zip(*data, uniforms, strict=True):
        task_set = int((np.cumsum(softmax(beta_high * high[context])) < uniform).sum())
        total += np.log(softmax(beta * low[task_set, cue])[action])
        low += forget * (initial - low)
        high += forget_high * (initial - high)
        low[task_set, cue, action] += alpha * (reward - low[task_set, cue, action])
        high[context, task_set] += alpha_high * (reward - high[context, task_set])
    return total


def test_frozen_noise_fails_where_the_fit_succeeds():
    """Two agents choose sets at random and two by value: estimates of ``beta_high`` under frozen noise are all
    at the mode of the prior; those of the fit separate the two groups."""
    learner = tw.learners.TaskSets(initial=1.2).fix(forget=0.0, forget_high=0.0)
    beta_high = np.array([0.02, 0.02, 4.0, 4.0])
    truth = {"alpha": 0.4, "beta": 2.0, "alpha_high": 0.3, "beta_high": beta_high}
    trials = tw.simulate(learner, tw.environments.AlienTask(trials=200), truth, participants=4, seed=11).trials
    parameters = {p.name: p for p in learner.parameters}
    prior = population_of(learner, trials).prior
    random = np.random.default_rng(0)
    modes = []
    for n in range(4):
        rows = slice(trials.offsets[n], trials.offsets[n + 1])
        columns = [
            trials.columns["context"].values,
            trials.columns["cue"].values,
            trials.choice,
            trials.outcome["outcome"],
        ]
        data, uniforms = [values[rows] for values in columns], random.random(200)

        def negative_log_posterior(u, data=data, uniforms=uniforms):
            a, b, a_high, b_high = (float(p.constrain(x)) for p, x in zip(parameters.values(), u, strict=True))
            fit = frozen_likelihood((a, b, 0.0, a_high, b_high, 0.0), data, uniforms)
            return -fit + 0.5 * (((u - prior.mean) / prior.total) ** 2).sum()

        point = prior.mean + 0.3
        for k in (2, 3):  # the likelihood has no slope in the parameters of the set
            step = np.zeros(4)
            step[k] = 1e-7
            slope = (negative_log_posterior(point + step) - negative_log_posterior(point - step)) / 2e-7
            assert slope == pytest.approx(0.3 / prior.total[k] ** 2, abs=1e-3)  # the slope of the prior
        modes.append(minimize(negative_log_posterior, prior.mean, method="L-BFGS-B").x)
    frozen = np.array(modes)
    np.testing.assert_allclose(frozen[:, 2:], np.tile(prior.mean[2:], (4, 1)), atol=0.02)
    assert np.ptp(frozen[:, 0]) > 0.05  # estimates of the lower level depend on the data

    fit = tw.fit(learner, trials, draws=120, chains=2, seed=1, pooling="none", **QUIET)
    result = np.log(fit.means()["beta_high"])
    assert result[2:].min() > result[:2].max() + 0.5
    assert result[2:].min() > prior.mean[3] + 0.5
