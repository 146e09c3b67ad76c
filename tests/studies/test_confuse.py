"""Model recovery: the learner that fits best, for each learner that simulated the data."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from typer.testing import CliRunner

import trialwise as tw
from trialwise.cli.app import app

pytestmark = pytest.mark.study

FLAT, CUES = tw.QLearning(initial=1.2), tw.learners.StimulusLearning(initial=1.2)
RANGES = {"alpha": (0.2, 0.4), "beta": (1.5, 3), "forget": (0, 0.02)}
ENVIRONMENT = tw.environments.AlienTask(trials=180)


@pytest.fixture(scope="module")
def study():
    return tw.confuse([FLAT, CUES], ENVIRONMENT, RANGES, 2, participants=6, seed=1, workers=1, progress=False)


def test_different_learners_are_distinguished(study):
    assert np.diag(study.confusion).min() > 0.7 and np.array_equal(study.groups, np.eye(2))
    assert study.sentences[0].startswith("QLearning(initial=1.2): not decided whether it is distinguished: fits")
    assert study.findings[0].code == "not-decided" and "12 participants best" in study.sentences[0]
    assert len(study.plot().axes) == 3


def test_scores_are_those_of_point_estimates(study):
    from trialwise.analysis.true_values import Truth, population_in
    from trialwise.studies.confusion_study import STARTS, ConfusionStudy

    truths = tuple(Truth(population_in(each, ENVIRONMENT, 1), RANGES, {}) for each in (FLAT, CUES))
    study_task = ConfusionStudy(ENVIRONMENT, tuple(range(6)), 1, (FLAT, CUES), truths, "bic")
    trials = study_task.simulation(3).trials  # the second of StimulusLearning
    table = tw.point(FLAT, trials, STARTS, study_task.fit_seed(3)).maximum_likelihood
    scores = study.scores[(study.scores["dataset"] == 3) & (study.scores["fitted"] == repr(FLAT))]
    np.testing.assert_array_equal(scores["score"], table["bic"])
    assert set(scores["simulated"]) == {repr(CUES)}
    np.testing.assert_allclose(table["bic"], 3 * np.log(180) - 2 * table["log_likelihood"])


def test_matrices_by_hand():
    """Three participants of A, the last one fitted best by B; two of B, both fitted best by B; C never fits best."""
    wins = {("A", 0): "AAB", ("B", 1): "BB"}
    rows = [
        {"dataset": d, "simulated": s, "participant": str(n), "fitted": f, "score": {True: 1.0, False: 2.0}[f == best]}
        for (s, d), best_fitting in wins.items() for n, best in enumerate(best_fitting) for f in "ABC"
    ]  # fmt: skip
    rows += [
        {"dataset": 2, "simulated": "C", "participant": "0", "fitted": f, "score": {"A": 1, "B": 3, "C": 2}[f]}
        for f in "ABC"
    ]
    confusion = tw.results.Confusion(("A", "B", "C"), "bic", pd.DataFrame(rows), pd.Series([1.0, 1.0, 1.0]), {})
    np.testing.assert_allclose(confusion.confusion, [[2 / 3, 1 / 3, 0], [0, 1, 0], [1, 0, 0]])
    np.testing.assert_allclose(confusion.groups, [[1, 0, 0], [0, 1, 0], [1, 0, 0]])
    np.testing.assert_allclose(confusion.inversion, [[0.4, 0.25, np.nan], [0, 0.75, np.nan], [0.6, 0, np.nan]])
    assert confusion.sentences[0] == (
        "A: not decided whether it is distinguished: fits 67% (21% to 94%) of its own 3 participants best, 100% of its own data sets; "
        "33% are fitted best by B; when it fits best, it is right in 40%: simulate more, datasets="
    )
    assert confusion.findings[2].code == "not-distinguished"
    assert confusion.sentences[2].endswith("100% are fitted best by A; never fits best")


@pytest.mark.parametrize("share, count", [(0.0, 3), (0.67, 12), (0.9, 200), (1.0, 25)])
def test_intervals_of_shares_are_scipys(share, count):
    from trialwise.studies.confusion import _wilson

    expected = scipy.stats.binomtest(round(share * count), count).proportion_ci(0.95, "wilson")
    np.testing.assert_allclose(_wilson(round(share * count) / count, count), (expected.low, expected.high), atol=1e-4)


def test_integrated_likelihoods_distinguish_too():
    confusion = tw.confuse(
        [FLAT, CUES],
        tw.environments.AlienTask(trials=72),
        RANGES,
        1,
        participants=3,
        criterion="integrated",
        workers=1,
        progress=False,
    )
    assert len(confusion.scores) == 12 and np.isfinite(confusion.scores["score"]).all()
    assert confusion.groups.to_numpy().trace() == 2


@pytest.mark.parametrize(
    "learners, arguments, message",
    [
        ([FLAT], {}, "two learners or more"),
        ([FLAT, tw.QLearning(initial=1.2)], {}, "all different"),
        ([FLAT, CUES], {"criterion": "bix"}, "Did you mean 'bic'"),
        ([FLAT, CUES], {"truth": {"gamma": 1}}, "gamma"),
        ([FLAT, CUES], {"truth": [{"alpha": 0.1}]}, "a mapping for each of 2 learners"),
        ([FLAT, CUES], {"criterion": "integrated", "participants": 1}, "participants=2 or more"),
    ],
)
def test_invalid_arguments(learners, arguments, message):
    with pytest.raises(tw.errors.UsageError, match=message):
        tw.confuse(learners, ENVIRONMENT, **arguments)


def test_on_the_command_line(tmp_path):
    options = (
        "--set initial=1.2 --trials 72 --participants 3 --datasets 1 --param alpha=0.3 --param beta=2 --workers 1 -q -o"
    )
    result = CliRunner().invoke(
        app, ["confuse", "QLearning", "StimulusLearning", "--environment", "AlienTask", *options.split(), str(tmp_path)]
    )
    assert result.exit_code == 0, result.output
    matrix = pd.read_csv(tmp_path / "confusion.csv", index_col="simulated")
    assert list(matrix.columns) == list(matrix.index) == [repr(FLAT), repr(CUES)]
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
    assert (tmp_path / "confusion_plot.png").read_bytes()[:4] == b"\x89PNG" and (tmp_path / "inversion.csv").is_file()


def test_learners_that_fit_equally_well_share_participants():
    """Whichever comes first in the list."""
    random = np.random.default_rng(1)
    scores = random.normal(100, 10, 60)
    rows = [
        {"dataset": 0, "simulated": simulated, "participant": n, "fitted": fitted, "score": score + (fitted == "C") + 1e-5 * random.random()}
        for simulated in "AB" for n, score in enumerate(scores) for fitted in "ABC"
    ]  # fmt: skip
    for learners in (("A", "B", "C"), ("B", "A", "C")):
        confusion = tw.results.Confusion(learners, "bic", pd.DataFrame(rows), pd.Series([1.0]), {})
        assert (
            confusion.confusion.loc["A"].to_dict()
            == confusion.groups.loc["B"].to_dict()
            == {"A": 0.5, "B": 0.5, "C": 0.0}
        )
        assert [finding.code for finding in confusion.findings[:2]] == ["not-distinguished"] * 2
