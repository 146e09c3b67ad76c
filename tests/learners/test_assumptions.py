"""Data that are not what a learner declares are refused before anything runs, and obeying the message gives the right likelihood."""

import re
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from hypothesis import given, settings, strategies as st

import trialwise as tw
from oracles.two_step import hybrid
from trialwise import assumes, learner, positive, real, unit
from trialwise.analysis.conformance.specimen import specimen
from trialwise.base.errors import LearnerError, UsageError
from trialwise.base.message import Argument, LearnerSetting, from_json, to_json
from trialwise.cli.options.columns import Columns
from trialwise.cli.output.words import in_options
from trialwise.learners.stages import StageRows
from trialwise.learners.violations import assumption_notes, check_assumptions, violations

TRUTH = {
    "alpha": 0.5, "alpha_second": 0.4, "beta": 4.0, "beta_second": 3.0, "omega": 0.7, "trace": 0.6, "perseveration": 0.3,
}  # fmt: skip
TWO_STEP = tw.learners.HybridTwoStep()
PARTICIPANTS, LENGTH = 6, 100
NAMES = ("spaceport", "planet1", "planet2")


def made_table():
    """Trials of two rows by a plain loop, random choices, canonical codes: cue 0 before 1 or 2, action 0 mostly to 1."""
    random, rows = np.random.default_rng(3), []
    for n in range(PARTICIPANTS):
        for _ in range(LENGTH):
            first, second = random.integers(0, 2, 2)
            state = 1 + (first if random.random() < 0.7 else 1 - first)
            rows.append((f"p{n}", 0, first, 0.0))
            rows.append((f"p{n}", state, second, float(random.random() < 0.3 + 0.4 * second)))
    return pd.DataFrame(rows, columns=["participant", "cue", "choice", "outcome"])


CANONICAL = made_table()


def of_oracle(table, who):
    """Log-likelihood of one participant by the plain loop of the oracle, from canonical codes."""
    own = table[table["participant"] == who]
    first, second = own.iloc[::2], own.iloc[1::2]
    columns = (first["choice"], second["cue"] - 1, second["choice"], second["outcome"])
    return hybrid(TRUTH, *(column.to_numpy() for column in columns)).sum()


EXPECTED = np.array([of_oracle(CANONICAL, f"p{n}") for n in range(PARTICIPANTS)])


def renamed(names=NAMES, choices=(0, 1)):
    """The same table with other labels, in the order of the roles."""
    labels = {"cue": CANONICAL["cue"].map(dict(enumerate(names)))}
    return CANONICAL.assign(choice=CANONICAL["choice"].map(dict(enumerate(choices))), **labels)


def likelihood(table, **options):
    return tw.log_likelihood(TWO_STEP, tw.read_long(table, trial=False, **options), TRUTH)


def refusal(table, subject=TWO_STEP, **options):
    """The message with which data are refused."""
    with pytest.raises(UsageError) as caught:
        check_assumptions(subject, tw.read_long(table, trial=False, **options))
    return caught.value.message


def declared(message):
    """The arguments of the message, as a user of Python would type them."""
    return {each.name: each.value for each in message.inputs if isinstance(each, Argument)}


def pasted(message, table):
    """The table after the line of pandas in the message was run as it is printed."""
    (line,) = re.findall(r"with pandas: (table.*)", message)
    table = table.copy()
    space = {"table": table, "pd": pd}
    exec(line, space)
    return space["table"]


# -- the two-step learner: labels --------------------------------------------------------------------------------------


def test_names_that_were_sorted_are_refused_with_the_counts_and_what_to_type():
    message = refusal(renamed())
    led = CANONICAL["cue"].shift(-1)[(CANONICAL["cue"] == 0) & (CANONICAL["choice"] == 0)]
    for text in (
        "'planet1' as first stage", "'spaceport' as state to which first action 1",
        f"'spaceport' comes before {PARTICIPANTS * LENGTH} of {PARTICIPANTS * LENGTH} rows",
        f"choice 0 leads from there to 'planet1' in {(led == 1).mean():.0%} of {len(led)} trials",
    ):  # fmt: skip
        assert text in message
    assert declared(message) == {"levels": {"cue": list(NAMES)}, "actions": [0, 1]}
    np.testing.assert_allclose(likelihood(renamed(), **declared(message)), EXPECTED, rtol=1e-12)


def test_the_message_is_obeyed_on_the_command_line(tmp_path):
    renamed(choices=("left", "right")).to_csv(tmp_path / "data.csv", index=False)
    words = shlex.split(in_options(refusal(renamed(choices=("left", "right")))).split("roles: ")[1])
    assert words == ["--levels", "cue=spaceport,planet1,planet2", "and", "--actions", "left,right"]
    trials = Columns(levels=[words[1]], actions=words[4], trial="none").read([tmp_path / "data.csv"])
    np.testing.assert_allclose(tw.log_likelihood(TWO_STEP, trials, TRUTH), EXPECTED, rtol=1e-12)


def test_codes_of_the_file_are_accepted_if_the_counts_agree():
    np.testing.assert_allclose(likelihood(CANONICAL), EXPECTED, rtol=1e-12)
    np.testing.assert_allclose(likelihood(renamed((1, 20, 300))), EXPECTED, rtol=1e-12)
    assert assumption_notes(TWO_STEP, tw.read_long(CANONICAL, trial=False)) == ()


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2), (2, 0, 1)])
@pytest.mark.parametrize("names", [(0, 1, 2), NAMES])
def test_declared_labels_and_codes_in_another_order_are_refused(order, names):
    table = renamed([names[code] for code in order])
    message = refusal(table, levels={"cue": list(names)})
    np.testing.assert_allclose(likelihood(table, **declared(message)), EXPECTED, rtol=1e-12)


def test_a_learner_for_which_transitions_are_rare_wants_the_other_order():
    rare = tw.learners.HybridTwoStep(common=0.3)
    message = refusal(CANONICAL, rare)
    assert declared(message)["levels"] == {"cue": [0, 2, 1]}
    other = tw.log_likelihood(rare, tw.read_long(CANONICAL, trial=False, **declared(message)), TRUTH)
    np.testing.assert_allclose(other, EXPECTED, rtol=1e-12)


def test_few_rows_decide_nothing():
    few = renamed().groupby("participant").head(6)
    message = refusal(few)
    assert "do not decide" in message and declared(message)["levels"] == {"cue": ["spaceport", ..., ...]}
    assert "--levels cue=spaceport,...,..." in in_options(message)
    for swapped in (NAMES, ("spaceport", "planet2", "planet1")):
        assert np.isfinite(likelihood(few, levels={"cue": list(swapped)})).all()
    assert np.isfinite(likelihood(CANONICAL.groupby("participant").head(6))).all()


def test_no_part_of_accepted_data_is_refused():
    trials = tw.read_long(renamed(), trial=False, levels={"cue": list(NAMES)})
    for length in (1, 2, 3, 20, 81):
        for label in trials.participants:
            check_assumptions(TWO_STEP, trials.select([label]).first(length))


@settings(max_examples=40, deadline=None)
@given(
    st.permutations(["a", "b", "c", "d"]),
    st.permutations(["left", "right"]),
    st.none() | st.permutations([0, 1, 2]),
    st.booleans(),
)
def test_whatever_the_names_the_likelihood_is_right_or_refused(names, choices, order, numbers):
    names = [0, 1, 2] if numbers and order else names[:3]
    table = renamed(names, choices)
    levels = None if order is None else {"cue": [names[code] for code in order]}
    trials = tw.read_long(table, trial=False, levels=levels)
    try:
        value = tw.log_likelihood(TWO_STEP, trials, TRUTH)
    except UsageError as error:
        trials = tw.read_long(table, trial=False, **declared(error.message))
        value = tw.log_likelihood(TWO_STEP, trials, TRUTH)
    np.testing.assert_allclose(value, EXPECTED, rtol=1e-12)


def counterbalanced(table, labels, few=None):
    """States swapped for participants 4 and 5."""
    swap = {labels[1]: labels[2], labels[2]: labels[1], labels[0]: labels[0]}
    other = table["participant"].isin(["p4", "p5"] if few is None else few)
    return table.assign(cue=table["cue"].where(~other, table["cue"].map(swap)))


@pytest.mark.parametrize("labels", [(0, 1, 2), NAMES])
def test_counterbalancing_is_recognised_and_recoded(labels):
    # 300 trials each, so that every participant is decided
    table = pd.concat([renamed(labels)] * 4)
    mixed = counterbalanced(table, labels)
    for options in ({}, {"levels": {"cue": list(labels)}}):
        message = refusal(mixed, **options)
        assert "counterbalanced" in message and "(p4, p5)" in message
    recoded = pasted(message, mixed)
    pd.testing.assert_frame_equal(recoded, table)


def test_one_participant_with_many_rows_is_unlike_others_with_few():
    many = CANONICAL[CANONICAL["participant"] == "p5"]
    table = pd.concat([CANONICAL[CANONICAL["participant"] < "p3"], *[many] * 4])
    mixed = counterbalanced(table, (0, 1, 2))
    message = refusal(mixed)
    assert "it mostly leads to 2 for 1 participant, and to another for 3 (p0, p1, p2)" in message
    assert "with few trials, that is uncertain for p2" in message
    recoded = pasted(message, mixed)
    value = likelihood(recoded, **declared(refusal(recoded)))
    np.testing.assert_array_equal(value, likelihood(table))


def test_counterbalancing_that_is_only_decided_together():
    table = counterbalanced(pd.concat([CANONICAL] * 1), (0, 1, 2), few=["p3", "p4", "p5"])
    message = refusal(table)
    assert "as if it were counterbalanced" in message and "recode cue, participant by participant" in message


def test_an_unexpected_share_of_transitions_is_noted():
    learner_of_90 = tw.learners.HybridTwoStep(common=0.9)
    (note,) = assumption_notes(learner_of_90, tw.read_long(CANONICAL, trial=False))
    like = StageRows(learner_of_90, tw.read_long(CANONICAL, trial=False)).transitions((0, 1, 2))
    assert f"{like[0] / like[1]:.1%} of {PARTICIPANTS * LENGTH}" in note and "90% by the setting common" in note


# -- the two-step learner: rows ----------------------------------------------------------------------------------------


def test_first_rows_without_an_outcome():
    empty = renamed().assign(outcome=lambda table: table["outcome"].where(table["cue"] != "spaceport"))
    message = refusal(empty, levels={"cue": list(NAMES)})
    assert (
        f"{PARTICIPANTS * LENGTH} rows of the first stage have no outcome" in message and "row 2 of the file" in message
    )
    filled = pasted(message, empty)
    np.testing.assert_allclose(likelihood(filled, levels={"cue": list(NAMES)}), EXPECTED, rtol=1e-12)
    none = CANONICAL.assign(outcome=CANONICAL["outcome"].where(CANONICAL["cue"] == 0))
    assert "no row of it has one" in refusal(none)


def one_row_a_trial():
    return CANONICAL[CANONICAL["cue"] > 0]


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        (one_row_a_trial(), {}, "2 labels of cue (1, 2)"),
        (CANONICAL.drop(columns="cue"), {}, "no column cue"),
        (
            CANONICAL.assign(cue=np.random.default_rng(1).integers(0, 3, len(CANONICAL))),
            {},
            "do not follow a row of the",
        ),
        (CANONICAL.assign(cue=CANONICAL["cue"] + 2 * (CANONICAL.index % 4 == 3)), {}, "5 labels of cue"),
    ],
)
def test_data_of_another_shape_are_refused_with_the_shape(table, options, said):
    message = refusal(table, **options)
    assert said in message and "participant,cue,choice,outcome\n        s1,0,1,0\n        s1,1,1,1" in message
    with pytest.raises(UsageError, match="2 stages"):
        tw.fit(TWO_STEP, tw.read_long(table, trial=False, **options), draws=5, tune=5, chains=1, progress=False)


def test_the_column_of_stages_under_another_name():
    message = refusal(CANONICAL.rename(columns={"cue": "screen"}))
    assert declared(message) == {"cue": ...}
    assert np.allclose(likelihood(CANONICAL.rename(columns={"cue": "screen"}), cue="screen"), EXPECTED)


@pytest.mark.parametrize(
    ("drop", "repeat", "wrong"),
    [(4, None, 6), (None, 5, 8), (0, None, 2)],
    ids=["second row without a first", "three rows", "begins with a second row"],
)
def test_single_rows_out_of_place_are_named(drop, repeat, wrong):
    table = CANONICAL.drop(index=drop) if drop is not None else CANONICAL.loc[np.sort([*range(len(CANONICAL)), repeat])]
    message = refusal(table.reset_index(drop=True))
    assert re.search(rf"1 row does not: participant 'p0', row {wrong} of the file", message)


def test_a_missed_first_choice_may_have_no_second_row():
    table = CANONICAL.astype({"choice": object})
    table.loc[[10, 12], "choice"] = ""
    kept = tw.read_long(table.drop(index=11), trial=False)
    assert np.isfinite(tw.log_likelihood(TWO_STEP, kept, TRUTH)).all()


def test_after_a_missed_first_choice_only_the_second_stage_is_learnt():
    """The oracle's loop, without the update of first-stage values on that trial."""
    own = CANONICAL[CANONICAL["participant"] == "p0"].head(12).reset_index(drop=True).astype({"choice": object})
    own.loc[6, "choice"] = ""
    p, first, second, previous, total = TRUTH, np.zeros(2), np.zeros((2, 2)), None, 0.0
    for t in range(0, 12, 2):
        a, s, b, r = (
            own.loc[t, "choice"],
            own.loc[t + 1, "cue"] - 1,
            own.loc[t + 1, "choice"],
            own.loc[t + 1, "outcome"],
        )
        error = r - second[s, b]
        logits = p["beta_second"] * second[s]
        total += logits[b] - np.logaddexp(*logits)
        if a != "":
            planned = np.array([[0.7, 0.3], [0.3, 0.7]]) @ second.max(1)
            logits = p["beta"] * (p["omega"] * planned + (1 - p["omega"]) * first)
            logits = logits + p["perseveration"] * (np.arange(2) == previous)
            total += logits[a] - np.logaddexp(*logits)
            first[a] += p["alpha"] * (second[s, b] - first[a] + p["trace"] * error)
            previous = a
        second[s, b] += p["alpha_second"] * error
    trials = tw.read_long(own, trial=False, levels={"cue": [0, 1, 2]})
    np.testing.assert_allclose(tw.log_likelihood(TWO_STEP, trials, TRUTH), [total], rtol=1e-12)


def test_other_numbers_of_actions_are_refused():
    four = CANONICAL.assign(choice=CANONICAL["choice"] + 2 * (CANONICAL["cue"] > 0))
    assert "is about 2 actions; the data have 4: 0, 1, 2, 3" in refusal(four)
    one = refusal(CANONICAL.assign(choice=0))
    assert declared(one) == {"actions": [...]}


# -- every way in ------------------------------------------------------------------------------------------------------


class Screens(tw.environments.Environment):
    levels, reads = {"cue": (0, 1, 2), "action": (0, 1)}, ("cue",)

    def show(self, random):
        return tw.environments.Shown(4, {"cue": np.array([0, 1, 0, 2])})

    def potential(self, shown, random):
        return np.zeros((shown.trials, 2))


def test_every_verb_refuses():
    trials = tw.read_long(renamed(), trial=False)
    parameters = pd.DataFrame({"participant": trials.participants, **TRUTH})
    for run in (
        lambda: tw.fit(TWO_STEP, trials, draws=5, tune=5, chains=1, progress=False),
        lambda: tw.point(TWO_STEP, trials),
        lambda: tw.log_likelihood(TWO_STEP, trials, TRUTH, plain=True),
        lambda: tw.trial_values(TWO_STEP, trials, TRUTH),
        lambda: tw.likelihood("choices", TWO_STEP, trials, **TRUTH),
        lambda: tw.check_learner(TWO_STEP, trials, quiet=True),
        lambda: tw.simulate(TWO_STEP, Screens().on(trials), parameters),
    ):
        with pytest.raises(UsageError, match="'planet1' as first stage"), pm.Model():
            run()


def test_environments_are_checked_too():
    with pytest.raises(UsageError, match=r"2 actions; the data have 3[\s\S]*4 labels of cue"):
        tw.simulate(TWO_STEP, tw.environments.AlienTask(trials=10), TRUTH)
    assert tw.simulate(TWO_STEP, Screens(), TRUTH, participants=2).trials.n_trials == 8
    with pytest.raises(UsageError, match="assumes that outcome is from 0 to 1"):
        tw.simulate(Chance(), tw.environments.AlienTask(trials=10), {"alpha": 0.3})


def test_the_answer_is_not_kept_from_a_class_that_assumed_nothing():
    """Two classes with the same code are the same learner to the engine; what they assume is checked all the same."""

    def declare(*assumed):
        namespace = {
            "__annotations__": {"bias": float}, "bias": real("bias"), "choose": choose, **dict.fromkeys(["data"], *assumed),
        }  # fmt: skip
        return learner(type("Biased", (), {k: v for k, v in namespace.items() if v is not None}))()

    def choose(self, now, trial, preference):
        preference[0] = self.bias
        preference[1] = 0.0

    trials = tw.read_long(renamed(choices=("go", "no-go")), trial=False)
    assert np.isfinite(tw.log_likelihood(declare(None), trials, {"bias": 1.0})).all()
    with pytest.raises(UsageError, match="takes action 'go' as no-go"):
        tw.log_likelihood(declare(assumes(action=("no-go", "go"))), trials, {"bias": 1.0})


# -- right and wrong outcomes ------------------------------------------------------------------------------------------

BAYES = {"alpha": 0.3, "beta": 3.0, "forget": 0.1, "beta_high": 2.0, "forget_high": 0.1}
REWARDS = pd.DataFrame(
    {"id": "a", "choice": [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1], "reward": [10, 2, 2, 10, 10, 2, 2, 2, 10, 10, 2, 10]}
)


def right_or_wrong(subject, table):
    return tw.log_likelihood(subject, tw.read_long(table, trial=False), BAYES, method="exact")


@pytest.mark.parametrize("shift", [0, -10])
def test_outcomes_on_one_side_of_the_threshold(shift):
    """Above it or below it; the value between them gives the likelihood of outcomes of 0 and 1."""
    table = REWARDS.assign(reward=REWARDS["reward"] + shift - (shift != 0))
    message = refusal(table, tw.learners.HierarchicalBayes())
    (setting,) = [each for each in message.inputs if isinstance(each, LearnerSetting)]
    assert setting == LearnerSetting("HierarchicalBayes", "right_above", 6 + shift - (shift != 0))
    assert in_options(message).endswith(f"--set right_above={setting.value}")
    obeyed = tw.learners.HierarchicalBayes(**{setting.name: setting.value})
    coded = REWARDS.assign(reward=(REWARDS["reward"] == 10).astype(float))
    np.testing.assert_array_equal(right_or_wrong(obeyed, table), right_or_wrong(tw.learners.HierarchicalBayes(), coded))


def test_graded_outcomes_are_counted_unless_somebody_says_what_is_right():
    trials = tw.load_data("alien_flat").trials
    (note,) = assumption_notes(tw.learners.HierarchicalBayes(), trials)
    share = np.mean(trials.outcome["outcome"] > 0.5)
    assert f"{share:.0%} of them lie above its setting right_above of 0.5" in note
    assert from_json(to_json([note])) == (note,)
    for silent in (tw.learners.HierarchicalBayes(right_above=1.5), tw.learners.AlienHierarchicalBayes()):
        assert assumption_notes(silent, trials) == () and not list(violations(silent, trials))
    coded = tw.read_long(REWARDS.assign(reward=REWARDS["reward"] > 5), trial=False)
    assert assumption_notes(tw.learners.HierarchicalBayes(), coded) == ()
    high = tw.read_long(
        pd.DataFrame({"id": "a", "choice": np.arange(150) % 2, "reward": 5 + np.arange(150) % 7}), trial=False
    )
    (message,) = violations(tw.learners.HierarchicalBayes(), high)
    assert "7 different outcomes, from 5 to 11" in message and "right_above=..." in message


# -- roles, ranges, sizes ----------------------------------------------------------------------------------------------


@learner
class Go:
    bias: float = real("bias to go")
    data = assumes(action=("no-go", "go"), outcome={"gain": (0, None), "loss": (0, None)})

    def choose(self, now, trial, preference):
        preference[0] = 0.0
        preference[1] = self.bias

    def learn(self, now, trial, choice, outcome):
        return outcome.gain - outcome.loss


def two_outcomes(choices, sign=1.0):
    size = {"id": "a", "choice": np.array(choices, object)[np.arange(40) % 2], "gain": 1.0, "loss": sign * 0.5}
    return pd.DataFrame(size)


def test_roles_are_matched_by_name_or_have_to_be_declared():
    read = {"outcome": {"gain": "gain", "loss": "loss"}}
    assert declared(refusal(two_outcomes(["no-go", "go"]), Go(), **read)) == {"actions": ["no-go", "go"]}
    assert declared(refusal(two_outcomes(["press", "wait"]), Go(), **read)) == {"actions": [...]}
    check_assumptions(Go(), tw.read_long(two_outcomes([0, 1]), trial=False, **read))
    check_assumptions(
        Go(), tw.read_long(two_outcomes(["press", "wait"]), trial=False, actions=["wait", "press"], **read)
    )


def test_losses_of_another_sign():
    read = {"outcome": {"gain": "gain", "loss": "loss"}, "actions": ["no-go", "go"]}
    negative = two_outcomes(["no-go", "go"], sign=-1.0)
    message = refusal(negative, Go(), **read)
    assert "assumes that loss is of 0 or above; 40 of 40 values are not (they range from -0.5 to -0.5)" in message
    pd.testing.assert_frame_equal(pasted(message, negative), two_outcomes(["no-go", "go"]))


@learner
class Chance:
    alpha: float = unit("learning rate")
    data = assumes(outcome=(0, 1))

    def start(self, task):
        return task.table("action", fill=0.5)

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = q[action]

    def learn(self, q, trial, choice, outcome):
        q[choice] += self.alpha * (outcome - q[choice])


@pytest.mark.parametrize("values", [(-1.0, 1.0), (0.0, 25.0, 100.0)])
def test_outcomes_beyond_the_range(values):
    table = pd.DataFrame({"id": "a", "choice": np.arange(30) % 2, "reward": np.resize(values, 30)})
    coded = pasted(refusal(table, Chance()), table)
    expected = np.resize({2: (0.0, 1.0), 3: (0.0, 0.25, 1.0)}[len(values)], 30)
    np.testing.assert_array_equal(coded["reward"], expected)
    check_assumptions(Chance(), tw.read_long(coded, trial=False))
    mixed = table.assign(reward=np.resize((-1.0, 0.0, 3.0), 30))
    assert "rescale or recode them" in refusal(mixed, Chance())


def test_more_contexts_than_sets_are_noted():
    trials = tw.simulate(
        tw.QLearning(), tw.environments.AlienTask(trials=30), {"alpha": 0.2, "beta": 1, "forget": 0}
    ).trials
    assert assumption_notes(tw.learners.MixedTaskSets(), trials) == ()
    (note,) = assumption_notes(tw.learners.MixedTaskSets(sets=2), trials)
    assert "3 contexts and only 2 sets" in note and "(0 and 2 have the same)" in note


def test_equal_roles_are_interchangeable():
    random = np.random.default_rng(1)
    table = pd.DataFrame({"id": "a", "context": random.choice(["hot", "cold", "rainy"], 60), "choice": np.arange(60) % 3, "outcome": 1.0 * (np.arange(60) % 2)})  # fmt: skip
    check_assumptions(tw.learners.AlienQLearning(), tw.read_long(table, trial=False))
    message = refusal(table.assign(asked="item"), tw.learners.AlienQLearning(), labels=["asked"])
    assert "takes asked 'item' as an item" in message


# -- learners that declare nothing -------------------------------------------------------------------------------------


@learner
class Compares:
    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table("cue", "action")

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            bonus = 1.0 if trial.cue == 0 else 0.0
            preference[action] = self.beta * (q[trial.cue, action] + bonus)

    def learn(self, q, trial, choice, outcome):
        if choice == 1:
            q[trial.cue, choice] = outcome


def test_comparisons_with_sorted_names_are_noted():
    named = renamed(choices=("left", "right"))
    cue, action = assumption_notes(Compares(), tw.read_long(named, trial=False))
    assert "compares trial.cue with 0" in cue and "0 is 'planet1', 1 is 'planet2', 2 is 'spaceport'" in cue
    assert "compares actions with 1" in action and "0 is 'left'" in action
    known = tw.read_long(named, trial=False, **declared(cue), **declared(action))
    assert assumption_notes(Compares(), known) == ()
    assert assumption_notes(Compares(), tw.read_long(CANONICAL, trial=False)) == ()
    assert assumption_notes(tw.QLearning(), tw.read_long(named, trial=False)) == ()
    few = tw.read_long(named.groupby("participant").head(20), trial=False)
    fit = tw.fit(Compares(), few, draws=5, tune=5, chains=1, progress=False)
    assert [each.sentence for each in fit.findings if "sorted" in each.sentence] == [cue, action]
    note = "choice: -1 taken as a missed choice"
    simulated = replace(few, notes=(note, "simulated: QLearning()"))
    again = replace(fit, trials=simulated)
    assert [each.sentence for each in again.findings if each.code == "reading"] == [note]


# -- the declaration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"actions": 1}, "2 or more"),
        ({"actions": 3, "action": ("a", "b")}, "numbers of actions differ"),
        ({"cue": "first"}, "the role of each label"),
        ({"stages": [{"cue": 0}]}, "two stages or more"),
        ({"stages": [{"cue": 0}, {"cue": 2}]}, "counted from 0"),
        ({"stages": [{"cue": 0}, {"screen": 1}]}, "of one column"),
        ({"stages": [0, 1]}, "the labels of each stage"),
        ({"leads": {0: 1}}, "of the second of the stages"),
        ({"outcome": 1}, "wanted a range"),
    ],
)
def test_a_declaration_that_cannot_be_understood(arguments, said):
    with pytest.raises(LearnerError, match=said):
        assumes(**arguments)


def test_a_declaration_has_to_fit_its_class():
    body = {"choose": Go.methods["choose"], "bias": real("bias"), "__annotations__": {"bias": float}}
    with pytest.raises(LearnerError, match="its setting 'above', which it does not have"):
        learner(type("Wrong", (), body | {"data": assumes(right_above="above")}))
    with pytest.raises(LearnerError, match="2 times"):
        learner(type("Twice", (), body | {"data": assumes(actions=2), "more": assumes(actions=2)}))


def test_generated_data_are_as_declared():
    made = specimen(TWO_STEP)
    assert (made.sizes["cue"], made.sizes["action"]) == (3, 2)
    assert specimen(tw.learners.AlienQLearning()).sizes["asked"] == 3
    outcome = specimen(Go()).outcome
    assert all(np.nanmin(outcome[name]) >= 0 for name in ("gain", "loss"))
    (values,) = specimen(Chance()).outcome.values()
    assert np.nanmin(values) == 0 and np.nanmax(values) == 1 and len(np.unique(values[np.isfinite(values)])) > 5


def test_what_is_assumed_is_shown():
    assert len(TWO_STEP.assumptions.sentences) == 4 and "cue 0, then cue 1 or 2" in TWO_STEP.assumptions.sentences[2]
    inspection = tw.inspect(tw.read_long(renamed(), trial=False))
    assert inspection.learner == "HybridTwoStep" and TWO_STEP.assumptions.sentences[0] in inspection.why
    (found,) = [each for each in inspection.findings if each.code == "assumptions"]
    assert found.sentence == refusal(renamed())
    assert tw.inspect(tw.read_long(one_row_a_trial(), trial=False)).learner == "QLearning"
