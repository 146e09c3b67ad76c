"""Saved fits whose sampler this version does not have, such as those of learners with hidden choices by "pseudo-marginal"."""

import pytest

import trialwise as tw

pytestmark = pytest.mark.sample

ATTRIBUTES = {
    "sampler": "pseudo-marginal", "gradients": 48908, "filters": 6798, "particles": "[64, 64, 64]", "draws_of_participants": "[2, 2, 2]",
    "acceptance": 0.925, "emulator_error": "[0.0346, 0.1357, 0.0245]", "filter_noise": "[0.0804, 0.0743, 0.044]", "rounds_of_emulating": 5,
    "seconds_of_emulating": 13.1,
}  # fmt: skip
"""What such a fit has, and no other."""


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """The path of a fit of three participants with a hidden choice, as it was saved then."""
    learner = tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
    truth = {"alpha": (0.1, 0.5), "beta": (0.8, 2.5), "forget": (0.0, 0.1)}
    trials = tw.simulate(learner, tw.environments.AlienTask(trials=20), truth, participants=3, seed=6).trials
    fit = tw.fit(learner, trials, draws=40, chains=2, seed=1, progress=False)
    for name in ("particles_of_a_filter", "sweeps", "sweeps_per_draw", "step_sizes", "renewal", "seconds_of_warm_up"):
        del fit.tree.attrs[name]
    fit.tree.attrs |= ATTRIBUTES
    stats = fit.tree["sample_stats"].to_dataset()
    moved = (stats["acceptance_rate"] > 0.5).astype(float).rename("accepted")
    stats = stats.drop_vars(list(stats.data_vars)).assign(accepted=moved, diverging=moved.astype(bool) & False)
    fit.tree["sample_stats"] = type(fit.tree)(stats)
    path = tmp_path_factory.mktemp("earlier") / "fit.nc"
    fit.save(path)
    return path


def test_everything_that_reads_a_fit_reads_it(earlier, tmp_path):
    fit = tw.load(earlier)
    assert fit.attrs["sampler"] == "pseudo-marginal" and len(fit.summary()) and len(fit.trial_values()) == 60
    diagnosis = tw.diagnose(fit)
    assert list(diagnosis.sampler.columns) == ["divergences"] and "renewal" not in diagnosis.participants
    assert diagnosis.verdict and fit.problems  # so few draws
    diagnosis.plot()
    page = tw.report(fit, tmp_path / "report.html", progress=False).read_text()
    text = page.replace("&#34;", '"').replace("&quot;", '"')
    said = 'The posterior was sampled by "pseudo-marginal", a sampler of trialwise 0.1.0 that the version which wrote this report does not have'
    assert f"{said}: 2 chains of 40 draws each." in text
    assert "pseudo-marginal, which this version does not have" in text
    assert "transition diverged" not in text  # such chains could not


def test_it_is_no_sampler_of_new_fits(earlier):
    fit = tw.load(earlier)
    with pytest.raises(tw.errors.UsageError, match="sampler='pseudo-marginal': .*particle-gibbs") as refused:
        tw.fit(fit.learner, fit.trials, draws=4, chains=1, progress=False, sampler="pseudo-marginal")
    assert "particle-gibbs" in str(refused.value)
    assert tw.fit(fit.learner, fit.trials, draws=4, chains=1, progress=False, sampler="particle-gibbs")
