"""Whether a comparison decides."""

import numpy as np
import pandas as pd

from trialwise.analysis.comparison.verdict import verdict

NONE = np.zeros(20, bool)


def given(values, error=0.0, doubtful=None, reasons=()):
    elpd = pd.DataFrame(values)
    elpd = elpd[elpd.sum().sort_values(ascending=False).index]
    doubtful = np.zeros(len(elpd), bool) if doubtful is None else doubtful
    return verdict(elpd, pd.Series(error, elpd.columns), doubtful, dict(reasons))


def test_equal_learners_are_called_decided_as_rarely_as_said():
    random = np.random.default_rng(1)
    decided = [
        given({name: random.normal(-100, 5, n) for name in "abc"[:learners]}).code == "best"
        for n in (4, 20) for learners in (2, 3) for _ in range(400)
    ]  # fmt: skip
    assert np.mean(decided) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1600)


def test_a_better_learner_is_called_best():
    random = np.random.default_rng(2)
    finding = given({"a": random.normal(0, 1, 20), "b": random.normal(-5, 1, 20), "c": random.normal(-9, 1, 20)})
    assert (
        finding.code == "best" and finding.sentence.startswith("a predicts best: b by ") and finding.severity == "note"
    )


def test_five_participants_and_a_wide_error_do_not_decide():
    finding = given({"a": np.zeros(5), "b": np.array([-14.0, -3, -2, -1, 10.1])})
    assert finding.code == "not-decided" and finding.severity == "caution"
    assert (
        "a comes first, and is the best for 4 of 5 participants, but cannot be separated from b: b by 9.9"
        in finding.sentence
    )
    assert "(with 5 participants, 2.8 and a difference of 4 decide)" in finding.sentence


def test_what_withholds_a_verdict():
    clear = {"a": np.zeros(20), "b": np.full(20, -5.0) + np.arange(20) / 10}
    assert given(clear).code == "best"
    assert given(clear, error=40.0).code == "not-decided"
    assert given({"a": np.zeros(20), "b": np.full(20, -0.19) + np.arange(20) / 1e5}).code == "not-decided"  # below 4
    assert given({"a": np.zeros(1), "b": np.full(1, -50.0)}).code == "not-decided"
    one = {"a": np.zeros(20), "b": np.r_[-60.0, np.random.default_rng(1).normal(0, 0.5, 19)]}
    assert given(one, doubtful=np.arange(20) == 0).code == "not-decided"
    failed = given(clear, reasons={"b": "draws have problems"})
    assert failed.code == "not-decided" and "(b: draws have problems)" in failed.sentence


def test_a_learner_is_not_the_best_for_participants_whom_another_predicts_as_well():
    finding = given({"a": np.zeros(6), "b": np.r_[0.0, 0.0, 0.0, -1.0, -1.0, 1.0]})
    assert "a comes first, and is the best for 2 of 6 participants" in finding.sentence
