"""Stages with different numbers of options: the Cambridge gambling task, a colour (of 2) and then a bet (of 5) on rows of their own.

Data that offer or contain other actions than declared are refused, and obeying the message gives the likelihood of a plain loop.
"""

from __future__ import annotations

import math
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.analysis.conformance.specimen import specimen
from trialwise.base.errors import LearnerError, UsageError
from trialwise.base.message import Argument
from trialwise.cli.options.columns import Columns
from trialwise.cli.output.words import in_options
from trialwise.data.trials import Column
from trialwise.engine import pack, run_gradient
from trialwise.learners.violations import assumption_notes, check_assumptions

BETS = (0.05, 0.25, 0.5, 0.75, 0.95)
COLOURS, STAKES = ("red", "blue"), ("5 %", "25 %", "50 %", "75 %", "95 %")


@tw.learner
class CambridgeGambling:
    """Cumulative model of the Cambridge gambling task (Romeu et al. 2020): a colour by its share of boxes, a bet by expected log capital."""

    alpha: float = tw.positive("distortion of shares of boxes")
    c: float = tw.unit("bias to red")
    rho: float = tw.positive("weight of the capital after a loss")
    beta: float = tw.positive("cost of waiting for a bet")
    gamma: float = tw.positive("inverse temperature of bets", mean=1.0)
    data = tw.assumes(stage=("colour", "bet"), stages=[{"stage": 0}, {"stage": 1}], options=[COLOURS, STAKES])

    def choose(self, now, trial, preference):
        if trial.stage == 0:
            preference[0] = math.log(self.c) + self.alpha * math.log(trial.share)
            preference[1] = math.log(1 - self.c) + self.alpha * math.log(1 - trial.share)
        else:
            chosen = trial.share if trial.picked == 0 else 1 - trial.share
            for k in range(5):
                stake = trial.points * BETS[k]
                wait = 0.25 * k if trial.ascending > 0 else 1 - 0.25 * k
                win, lose = (trial.points + stake) / 100, (trial.points - stake) / 100
                value = chosen * math.log(1 + win) + (1 - chosen) * math.log(1 + self.rho * lose) - self.beta * wait
                preference[2 + k] = self.gamma * value


def by_hand(table: pd.DataFrame, alpha, c, rho, beta, gamma) -> np.ndarray:
    """Log-likelihood of each participant by a plain loop over the table."""
    totals = dict.fromkeys(table["participant"], 0.0)
    for row in table.itertuples():
        if pd.isna(row.choice):
            continue
        if row.stage == "colour":
            red, blue = c * row.share**alpha, (1 - c) * (1 - row.share) ** alpha
            p = (red if row.choice == "red" else blue) / (red + blue)
        else:
            share, waits = (row.share if row.picked == "red" else 1 - row.share), np.arange(5) / 4
            waits = waits if row.ascending else waits[::-1]
            bets = row.points * np.array(BETS)
            win, lose = np.log1p((row.points + bets) / 100), np.log1p(rho * (row.points - bets) / 100)
            weights = np.exp(gamma * (share * win + (1 - share) * lose - beta * waits))
            p = weights[STAKES.index(row.choice)] / weights.sum()
        totals[row.participant] += math.log(p)
    return np.array(list(totals.values()))


class Cambridge(tw.environments.Environment):
    """A colour, then a bet on the colour that was chosen."""

    levels = {"action": (*COLOURS, *STAKES), "stage": ("colour", "bet")}
    masked = True

    def __init__(self, trials=60):
        self.trials = trials

    def show(self, random):
        stage = np.tile([0, 1], self.trials)
        columns = {
            "stage": stage,
            "share": np.repeat(random.integers(1, 10, self.trials) / 10, 2),
            "points": np.repeat(random.integers(20, 300, self.trials), 2).astype(float),
            "ascending": np.repeat(np.arange(self.trials) * 2 < self.trials, 2).astype(float),
            "picked": Column(np.zeros(len(stage), int), "action"),
        }
        available = np.array([[1, 1, 0, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1, 1]], bool)[stage]
        return tw.environments.Shown(len(stage), columns, available=available if self.masked else None)

    def potential(self, shown, random):
        return np.full((shown.trials, 7), np.nan)

    def follow(self, shown, choice):
        """The bet is on the colour of the row before."""
        picked = np.where(shown["stage"] == 1, np.roll(choice, 1), 0)
        return {"picked": Column(np.maximum(picked, 0), "action")}


QLEARNING, VALUES = tw.QLearning(), {"alpha": 0.3, "beta": 3.0, "forget": 0.1}
TRUTH = {"alpha": 1.6, "c": 0.55, "rho": 1.3, "beta": 0.3, "gamma": 8.0}
READ = {
    "trial": False,
    "labels": {"stage": "stage", "picked": "action"},
    "numbers": ["share", "points", "ascending"],
    "outcome": False,
}


def played(environment=None, participants=3, seed=4) -> tw.environments.simulation.Simulation:
    return tw.simulate(CambridgeGambling(), environment or Cambridge(12), TRUTH, participants=participants, seed=seed)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Simulated trials as a file has them: names of labels, no word on which actions are available; one choice was missed."""
    trials = played().trials
    frame = trials.to_frame()[["participant", "choice", "stage", "picked", "share", "points", "ascending"]]
    frame.loc[6, "choice"] = None
    return frame


def declared(message) -> dict:
    return {each.name: each.value for each in message.inputs if isinstance(each, Argument)}


def refusal(table, subject=CambridgeGambling(), **options):
    with pytest.raises(UsageError) as caught:
        check_assumptions(subject, tw.read_long(table, **READ | options))
    return caught.value.message


def obeyed(table, most=4):
    """The trials after every message was obeyed to the letter, and the arguments that were typed."""
    options = {}
    for _ in range(most):
        trials = tw.read_long(table, **READ | options)
        try:
            tw.log_likelihood(CambridgeGambling(), trials, TRUTH)
        except UsageError as error:
            options |= declared(error.message)
        else:
            return trials, options
    raise AssertionError(options)


def test_the_declaration_in_words():
    assert CambridgeGambling().assumptions.sentences[-1] == (
        "the actions available in each stage, and no others: stage colour: red, blue; stage bet: 5 %, 25 %, 50 %, 75 %, 95 %"
    )
    coded = tw.assumes(
        action=(*COLOURS, *STAKES), stages=[{"cue": 0}, {"cue": (1, 2)}], options=[(0, 1), (2, 3, 4, 5, 6)]
    )
    assert coded.options == ((0, 1), (2, 3, 4, 5, 6)) and coded.actions == 7
    assert coded.sentences[-1].endswith("cue 0: red, blue; cue 1 or 2: 5 %, 25 %, 50 %, 75 %, 95 %")
    both = tw.assumes(stages=[{"stage": 0}, {"stage": 1}], options=[("yes", "no"), ("no", "later")])
    assert both.options == ((0, 1), (1, 2)) and both.labels["action"] == ("yes", "no", "later")
    assert not tw.assumes(stages=[{"stage": 0}, {"stage": 1}], action=("a", "b")).options


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"options": [("a", "b"), ("c",)], "stages": ()}, "there are no stages"),
        ({"options": [("a", "b")]}, "there are 2 stages"),
        ({"options": ["ab", "cd"]}, "the actions of each of the stages"),
        ({"options": [("a", "a"), ("b",)]}, "the actions of each of the stages"),
        ({"options": [(0, "a"), ("b",)]}, "the actions of each of the stages"),
        ({"options": [(0, 1), (2,)]}, "if the roles of action are given"),
        ({"options": [("a", "b"), ("d",)], "action": ("a", "b", "c")}, "'d' is none of them"),
        ({"options": [("a",), ("b",)], "action": ("a", "b", "c")}, "'c' is in no stage"),
        ({"options": [(0, 1), (7,)], "action": ("a", "b", "c")}, "7 is none of them"),
        ({"options": {0: (0, 1)}}, "wanted a list"),
    ],
)
def test_options_that_cannot_be_understood(arguments, said):
    with pytest.raises(LearnerError, match=said):
        tw.assumes(**{"stages": [{"stage": 0}, {"stage": 1}]} | arguments)


def test_the_message_is_obeyed_and_the_likelihood_is_that_of_a_plain_loop(table):
    """Names are sorted (95 % before blue), nothing says what is available: each message leads on, and to the right number."""
    trials, options = obeyed(table)
    assert options["actions"] == [*COLOURS, *STAKES] and options["levels"] == {"stage": ["colour", "bet"]}
    assert options["available"]["red"] == "stage == 'colour'" and options["available"]["95 %"] == "stage == 'bet'"
    assert (trials.available.sum(1) == np.where(table["stage"] == "colour", 2, 5)).all()
    expected = by_hand(table, **TRUTH)
    np.testing.assert_allclose(tw.log_likelihood(CambridgeGambling(), trials, TRUTH), expected, rtol=1e-12)
    plain = tw.log_likelihood(CambridgeGambling(), trials, TRUTH, plain=True)
    np.testing.assert_allclose(plain, expected, rtol=1e-12)
    packed, free = pack(CambridgeGambling(), trials), np.array([list(TRUTH.values())] * 3)
    slope = run_gradient(CambridgeGambling(), packed, free)[1]
    for k, (name, value) in enumerate(TRUTH.items()):
        high, low = (by_hand(table, **TRUTH | {name: value + step}) for step in (1e-5, -1e-5))
        np.testing.assert_allclose(slope[:, k], (high - low) / 2e-5, rtol=1e-6)


def test_a_bet_that_nobody_made_is_declared_all_the_same(table):
    fewer = table.assign(choice=table["choice"].replace({"95 %": "75 %"}))
    trials, options = obeyed(fewer)
    assert options["actions"] == [*COLOURS, *STAKES] and (trials.choice != 6).all()
    np.testing.assert_allclose(
        tw.log_likelihood(CambridgeGambling(), trials, TRUTH), by_hand(fewer, **TRUTH), rtol=1e-12
    )


def test_the_message_on_the_command_line(table, tmp_path):
    table.to_csv(tmp_path / "bets.csv", index=False)
    order = {"levels": {"stage": ["colour", "bet"]}, "actions": [*COLOURS, *STAKES]}
    words = shlex.split(in_options(refusal(table, **order)).split("each is: ")[1])
    assert words[:2] == ["--available", 'red=stage == "colour"'] and words[::2] == ["--available"] * 7
    columns = Columns(
        available=words[1::2], trial="none", labels=["stage", "picked=action"], numbers=READ["numbers"], actions=",".join(order["actions"]),
        levels=["stage=colour,bet"],
    )  # fmt: skip
    trials = columns.read([tmp_path / "bets.csv"])
    np.testing.assert_allclose(
        tw.log_likelihood(CambridgeGambling(), trials, TRUTH), by_hand(table, **TRUTH), rtol=1e-12
    )


def test_nothing_is_fitted_with_all_actions_available(table):
    every = {"levels": {"stage": ["colour", "bet"]}, "actions": [*COLOURS, *STAKES]}
    trials = tw.read_long(table, **READ | every)
    masked = replace(trials, available=np.ones((trials.n_trials, 7), bool))
    for data, said in (
        (trials, "all 7 are available in every row"),
        (masked, "are available in 72 rows of another stage: rows 2, 3, 4"),
    ):
        for run in (
            lambda data: tw.fit(CambridgeGambling(), data, draws=5, tune=5, chains=1, progress=False),
            lambda data: tw.point(CambridgeGambling(), data),
            lambda data: tw.trial_values(CambridgeGambling(), data, TRUTH),
            lambda data: tw.check_learner(CambridgeGambling(), data, quiet=True),
        ):
            with pytest.raises(UsageError, match=said):
                run(data)

    class Open(Cambridge):
        masked = False

    with pytest.raises(
        UsageError,
        match=r"the array available: np.array\(\[\[1, 1, 0, 0, 0, 0, 0\], \[0, 0, 1, 1, 1, 1, 1\]\], bool\)\[stage\]",
    ):
        played(Open(4))


def test_choices_of_another_stage_are_refused_with_their_rows(table):
    other = table.copy()
    other.loc[[0, 9], "choice"] = ["25 %", "red"]
    every = {"levels": {"stage": ["colour", "bet"]}, "actions": [*COLOURS, *STAKES]}
    message = refusal(other, **every)
    assert "25 % and red were chosen in 2 rows of another stage: rows 2, 11" in message
    swapped = table.assign(stage=table["stage"].map({"colour": "bet", "bet": "colour"}))
    assert "each row of a later stage directly follows one of the stage before" in refusal(swapped, **every)


def test_fewer_actions_than_declared_are_noted(table):
    trials, _ = obeyed(table)
    assert assumption_notes(CambridgeGambling(), trials) == ()
    poor = replace(trials, available=trials.available.copy())
    poor.available[1, 6] &= poor.choice[1] == 6
    poor.available[3, 2] &= poor.choice[3] == 2
    (note,) = assumption_notes(CambridgeGambling(), poor)
    assert "not all the actions are available that CambridgeGambling declares for their stage: row" in note
    assert (
        tw.log_likelihood(CambridgeGambling(), poor, TRUTH)[0]
        > tw.log_likelihood(CambridgeGambling(), trials, TRUTH)[0]
    )


def test_conditions_in_place_of_columns(table):
    order = {"levels": {"stage": ["colour", "bet"]}, "actions": [*COLOURS, *STAKES]}
    rule = {action: f"stage == '{'colour' if action in COLOURS else 'bet'}'" for action in order["actions"]}
    trials = tw.read_long(table, **READ | order, available=rule)
    wide = table.assign(first=(table["stage"] == "colour").astype(int))
    mixed = tw.read_long(wide, **READ | order, available=rule | {"red": "first", "blue": "first == 1"})
    np.testing.assert_array_equal(mixed.available, trials.available)
    with pytest.raises(tw.errors.DataError, match="available: stage is never 'bid'"):
        tw.read_long(table, **READ | order, available=rule | {"5 %": "stage == 'bid'"})
    with pytest.raises(tw.errors.DataError, match="the chosen action was not available"):
        tw.read_long(table, **READ | order, available=rule | {"red": "stage == 'bet'"})
    with pytest.raises(tw.errors.DataError, match="there is no column 'stage-bet'"):
        tw.read_long(table, **READ | order, available=rule | {"red": "stage-bet"})


def test_generated_data_are_as_declared():
    trials = specimen(CambridgeGambling())
    stage = trials.columns["stage"].values
    assert (trials.available.sum(1) == np.array([2, 5])[stage]).all()
    made = np.flatnonzero(trials.choice >= 0)
    assert trials.available[made, trials.choice[made]].all() and (np.bincount(trials.choice[made]) > 0).all()
    assert len(np.bincount(trials.choice[made])) == 7


def test_every_check_in_the_environment_and_on_generated_data():
    for given in ({"environment": Cambridge(12)}, {"columns": {"share": (0.05, 0.95), "ascending": (0.0, 1.0)}}):
        result = tw.check_learner(CambridgeGambling(), quiet=True, **given)
        assert result.passed, str(result)


def test_parameters_are_recovered():
    simulation = played(Cambridge(150), participants=8, seed=1)
    trials = simulation.trials
    picked, stage = trials.columns["picked"].values, trials.columns["stage"].values
    assert (picked[stage == 1] == trials.choice[stage == 0]).all()
    estimates = tw.point(CambridgeGambling(), trials).maximum_likelihood
    for name, tolerance in (("alpha", 0.3), ("c", 0.1), ("beta", 0.1), ("gamma", 2.5)):
        assert np.median(estimates[name]) == pytest.approx(TRUTH[name], abs=tolerance), name


def test_sequences_of_recorded_trials_without_feedback_are_followed():
    """The task itself never gives feedback: that recorded choices have no outcome is no word on what other choices would have brought."""
    trials = played().trials
    again = tw.simulate(CambridgeGambling(), Cambridge(12).on(trials), TRUTH, seed=9).trials
    np.testing.assert_array_equal(again.columns["share"].values, trials.columns["share"].values)
    stage = trials.columns["stage"].values
    assert (again.columns["picked"].values[stage == 1] == again.choice[stage == 0]).all()
    assert again.available[np.arange(again.n_trials), again.choice].all()
    assert (again.choice != trials.choice).any()
    two_step = tw.simulate(QLEARNING, tw.environments.TwoStepTask(trials=5), VALUES).trials
    silent = replace(two_step, outcome={"outcome": np.where(np.arange(10) == 3, np.nan, two_step.outcome["outcome"])})
    with pytest.raises(UsageError, match="has feedback on every row; these trials have choices without an outcome"):
        tw.simulate(QLEARNING, tw.environments.TwoStepTask(trials=5).on(silent), VALUES)
