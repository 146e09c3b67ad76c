"""Courses of hidden choices kept by fits, and what they say of trials, compared with sums over every sequence of hidden choices."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from tests.oracles.task_sets import NAMES, expectations, kinds

import trialwise as tw
from trialwise.inference.samplers.particle_gibbs import kept, run
from trialwise.population.population import population_of
from two_sets import Sets

pytestmark = pytest.mark.sample

TIED = tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
SETTINGS = {"sampler": "particle-gibbs", "progress": False}
TRIALS, PARTICIPANTS, TINY = 7, 3, 1e-9


def of_participant(trials, n):
    """The trials of one participant by name, as the oracle takes them."""
    rows = slice(trials.offsets[n], trials.offsets[n + 1])
    columns = {name: trials.columns[name].values[rows] for name in ("cue", "context")}
    return {"choice": trials.choice[rows], "outcome": trials.outcome["outcome"][rows], **columns}


def averaged(trials, count=2000):
    """Expectations of each participant's trials over the posterior, and their Monte Carlo errors: draws from the prior of group and participants,
    weighted by likelihoods that are summed over all sequences."""
    population, random = population_of(TIED, trials, {}, "partial"), np.random.default_rng(0)
    u = np.array([population.draw(PARTICIPANTS, random).u for _ in range(count)])
    total, found = np.zeros(count), []
    for n in range(PARTICIPANTS):
        values = {p.name: p.constrain(u[:, n, k]) for k, p in enumerate(TIED.parameters)}
        point = {name: values[name.removesuffix("_high")] for name in NAMES}
        likelihood, expected = expectations(point, of_participant(trials, n))
        total += likelihood
        found.append(expected)
    weight = np.exp(total - total.max())
    weight /= weight.sum()
    assert 1 / (weight**2).sum() > 150
    result = []
    for expected in found:
        means = {name: np.tensordot(weight, values, 1) for name, values in expected.items()}
        errors = {
            name: np.sqrt(np.tensordot(weight**2, (values - means[name]) ** 2, 1)) for name, values in expected.items()
        }
        result.append((means, errors))
    return result


def effective(draws):
    """Monte Carlo errors of means over draws ``(chain, draw, ...)``."""
    flat = draws.reshape(*draws.shape[:2], -1)
    found = np.zeros(flat.shape[2])
    for k in range(flat.shape[2]):
        one = flat[..., k].astype(float)
        if np.ptp(one) > TINY:
            found[k] = one.std() / np.sqrt(float(array_stats.ess(one, chain_axis=0, draw_axis=1, method="mean")))
    return found.reshape(draws.shape[2:])


@pytest.fixture(scope="module")
def fit(trials):
    """A fit whose draws all keep their course."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "COURSES", 100_000)
        return tw.fit(TIED, trials, draws=400, chains=4, seed=3, **SETTINGS)


def compared(draws, expected, error):
    """Means over draws ``(chain, draw, trials)`` minus expectations ``(trials,)``, in Monte Carlo errors of both, where any of them varies; elsewhere
    they must be equal."""
    ours = draws.mean((0, 1))
    assert (np.isnan(ours) == np.isnan(expected)).all()
    both = np.hypot(np.nan_to_num(error), effective(np.nan_to_num(draws)))
    np.testing.assert_allclose(ours[both < TINY], expected[both < TINY], atol=TINY)
    return list((ours - expected)[both >= TINY] / both[both >= TINY])


def test_values_at_courses_agree_with_sums_over_all_sequences(trials, fit):
    """Probabilities of the kinds of sets, of the same set on two trials, and expected prediction errors."""
    assert fit.tree["hidden_choices"].sizes == {"chain": 4, "draw": 400, "trial": PARTICIPANTS * TRIALS}
    oracle, draws, table, found = averaged(trials), fit.hidden_draws(), fit.trial_values(), []
    as_second = fit.trial_values(same_as=2)["same_hidden"].to_numpy()
    assert table.attrs["courses"] == 1600
    for n, (means, errors) in enumerate(oracle):
        rows, data = slice(n * TRIALS, (n + 1) * TRIALS), of_participant(trials, n)
        for name in ("error", "error_high"):
            own = draws[name].to_numpy()[:, :, rows]
            np.testing.assert_allclose(table[name].to_numpy()[rows], own.mean((0, 1)), rtol=1e-10)
            found += compared(own, means[name], errors[name])
        hidden = draws["hidden"].to_numpy()[:, :, rows]
        assert (hidden[:, :, 0] == 0).all() and ((hidden == -1) == (data["choice"] < 0)).all()
        same = np.where(hidden[..., None] < 0, np.nan, (hidden[..., None] == hidden[..., None, :]).astype(float))
        same[np.isnan(np.swapaxes(same, 2, 3))] = np.nan
        np.testing.assert_allclose(as_second[rows], same[..., 1].mean((0, 1)))
        for s in range(TRIALS):
            found += compared(same[..., s], means["same"][s], errors["same"][s])
        kind = np.array([[kinds(data, course) for course in chain] for chain in hidden])
        for name in ("current", "previous", "other"):
            of_kind = np.where(kind == "", np.nan, (kind == name).astype(float))
            np.testing.assert_allclose(table[f"hidden_{name}"].to_numpy()[rows], of_kind.mean((0, 1)), atol=1e-12)
            found += compared(of_kind, means[f"hidden_{name}"], errors[f"hidden_{name}"])
    found = np.array(found)
    assert len(found) > 150 and np.abs(found).max() < 4.0 and np.mean(found**2) < 2.0


@pytest.mark.parametrize("most", [1, 3, 100])
def test_few_draws_keep_their_course_evenly_spaced(most):
    """Found by counting: however many draws there are, those that keep their course were stored before, among few others."""
    for count in (1, 2, 7, 50, 99, 100, 101, 640, 2500):
        stored = [draw for draw in range(1, count + 1) if kept.stored(draw, most)]
        draws, places = kept.kept(count, most)
        assert [stored[place] for place in places] == list(draws + 1)
        assert min(most, count) / 2 <= len(draws) <= most
        steps = np.diff([0, *(draws + 1)])
        assert (steps == steps[0]).all() and count - draws[-1] - 1 < steps[0]
        assert len(stored) <= most * (1 + np.log2(max(count / most, 1)))


def test_courses_do_not_depend_on_interruptions(trials, tmp_path, monkeypatch):
    """A fit that is resumed with fewer or more draws keeps the courses of a fit that had as many from the start."""
    monkeypatch.setattr(run, "COURSES", 8)
    path, settings = tmp_path / "unfinished.npz", {"chains": 2, "seed": 4, **SETTINGS}
    for draws in (30, 12, 40):
        resumed = tw.fit(TIED, trials, draws=draws, checkpoint=path, **settings).tree["hidden_choices"]
        at_once = tw.fit(TIED, trials, draws=draws, **settings).tree["hidden_choices"]
        assert resumed.to_dataset().identical(at_once.to_dataset())
        assert resumed.sizes["draw"] in (2, 3, 4) and resumed["hidden"].dtype == np.int8


def test_courses_are_stored_with_the_fit(fit, tmp_path):
    """In few bytes, and whatever is asked of a loaded fit has the same answer; a change of a course is noticed."""
    path = tmp_path / "fit.nc"
    fit.save(path)
    loaded = tw.load(path)
    assert loaded.tree["hidden_choices"].to_dataset().identical(fit.tree["hidden_choices"].to_dataset())
    assert loaded.trial_values(same_as=2).equals(fit.trial_values(same_as=2))
    few = loaded.hidden_draws(9)
    assert few.sizes["draw"] == 2 and set(few["draw"].to_numpy()) <= set(range(400))
    packed = loaded.tree["hidden_choices"]["hidden"].encoding
    assert packed["zlib"] and packed["dtype"] == np.int8
    changed = fit.tree.copy(deep=True)
    changed["hidden_choices"]["hidden"].to_numpy()[0, 0, 1] += 1
    from trialwise.inference.fitted import digest

    assert digest(changed) != digest(fit.tree)


def test_filtered_values_are_those_of_filters_at_the_means(trials, fit):
    ours, theirs = fit.trial_values(), tw.trial_values(TIED, trials, fit.means())
    assert list(ours) == list(theirs) and ours.dtypes.equals(theirs.dtypes)
    same = [name for name in ours if "_filtered" in name or name in ("choice_probability", "log_likelihood")]
    assert len(same) == 7 and ours[same].equals(theirs[same])
    assert not ours["hidden_current"].equals(theirs["hidden_current"])


def test_fits_without_courses_say_so(fitted, trials):
    with pytest.raises(tw.errors.UsageError, match="makes no hidden choice that could be drawn: use trial_values"):
        fitted.hidden_draws()
    with pytest.raises(tw.errors.UsageError, match="same_as=1: .* makes no hidden choice"):
        fitted.trial_values(same_as=1)


def test_numbers_of_trials_are_checked(fit):
    for wrong in (0, 8, True):
        with pytest.raises(tw.errors.UsageError, match=rf"same_as={wrong}: must be the number of a trial, 1 to 7"):
            fit.trial_values(same_as=wrong)


# -- sessions and slots --------------------------------------------------------------------------------------------------


def sessions():
    """Two participants with two sessions of six trials, in whose second half beta may differ, and a missed trial."""
    random, rows = np.random.default_rng(2), []
    for participant in "ab":
        for session in ("first", "second"):
            for t in range(6):
                choice = int(random.random() < 0.7)
                phase = "early" if t < 3 else "late"
                rows.append((participant, session, phase, choice, 3.0 * choice + random.integers(0, 2)))
    table = pd.DataFrame(rows, columns=["participant", "session", "phase", "choice", "outcome"])
    table["choice"] = table["choice"].astype("Int64")
    table.loc[8, "choice"] = pd.NA
    return table


@pytest.fixture(scope="module")
def of_sessions():
    return tw.fit(
        Sets(), tw.read_long(sessions()), formulas={"alpha": "session", "beta": "phase"}, draws=40, chains=2, seed=1, **SETTINGS
    )  # fmt: skip


def test_draws_of_sessions_and_slots_are_replayed_at_their_own_parameters(of_sessions):
    """Each draw is replayed in plain NumPy, at the parameters that the posterior has for its session and half."""
    table, draws, fit = sessions(), of_sessions.hidden_draws(), of_sessions
    assert draws["participant"].to_numpy().tolist() == table["participant"].tolist()
    assert draws["number"].to_numpy().tolist() == [*range(1, 13)] * 2
    at = fit.tree["posterior"].to_dataset().sel(draw=draws["draw"])
    for row, rows in enumerate(np.split(np.arange(24), 4)):
        alpha = at["alpha"].to_numpy()[..., row]
        q, each = np.ones((*alpha.shape, 2, 2)), np.ix_(*map(np.arange, alpha.shape))
        for t in rows:
            beta = at[f"beta[{table['phase'][t]}]"].to_numpy()[..., row]
            k, choice = draws["hidden"].to_numpy()[..., t], table["choice"][t]
            ours = [draws[name].to_numpy()[..., t] for name in ("choice_probability", "error")]
            if choice is pd.NA:
                assert (k == -1).all() and np.isnan(ours).all()
                continue
            now = q[*each, k]
            difference = now[..., 1 - choice] - now[..., choice]
            np.testing.assert_allclose(ours[0], 1 / (1 + np.exp(beta * difference)), rtol=1e-9)
            error = table["outcome"][t] - now[..., choice]
            np.testing.assert_allclose(ours[1], error, rtol=1e-9, atol=1e-12)
            q[*each, k, choice] += alpha * error


def test_values_of_sessions_are_means_over_draws(of_sessions):
    draws, values = of_sessions.hidden_draws(), of_sessions.trial_values(same_as=8)
    np.testing.assert_allclose(values["error"], draws["error"].mean(("chain", "draw")), rtol=1e-12)
    hidden = draws["hidden"].to_numpy()
    for n in range(2):
        rows = slice(12 * n, 12 * n + 12)
        same = (hidden[..., rows] == hidden[..., 12 * n + 7, None]).mean((0, 1))
        ours = values["same_hidden"].to_numpy()[rows]
        assert np.isnan(ours[:6]).all()  # of the other session
        made = hidden[0, 0, rows][6:] >= 0
        np.testing.assert_allclose(ours[6:][made], same[6:][made])
        assert np.isnan(ours[6:][~made]).all()
        assert (hidden[..., 12 * n] == 0).all() and (hidden[..., 12 * n + 6] == 0).all()  # numbers begin anew


def test_the_set_is_compared_with_that_of_the_previous_choice_of_the_session(of_sessions):
    """Not with one before a reset, and across a trial without a choice."""
    draws, values = of_sessions.hidden_draws(), of_sessions.trial_values()
    sections = draws["section"].to_numpy()
    assert len(set(sections)) == 4 and (sections.reshape(4, 6) == sections[::6, None]).all()
    hidden, found = draws["hidden"].to_numpy(), values["hidden_same"].to_numpy()
    for rows in np.split(np.arange(24), 4):
        chosen = [t for t in rows if hidden[0, 0, t] >= 0]
        expected = [(hidden[..., t] == hidden[..., before]).mean() for before, t in pairwise(chosen)]
        np.testing.assert_allclose(found[chosen[1:]], expected)
        nowhere = sorted({chosen[0], *rows} - {*chosen[1:]})
        assert np.isnan(values.loc[nowhere, ["hidden_same", "hidden_same_filtered"]]).to_numpy().all()
    assert np.isfinite(values["hidden_same_filtered"]).sum() == 19
