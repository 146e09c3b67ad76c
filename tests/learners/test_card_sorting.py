"""Wisconsin card sorting: attention to three dimensions (Bishara et al. 2010), without and with what another program adds against zeros.

A choice that matches no attended dimension has the probability 0: every verb says so, and that a lapse gives it one.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.cli.output.words import in_options
from trialwise.data.trials import Column
from trialwise.engine import pack, run_gradient

FITS = [list(map(int, row)) for row in ("103", "032", "310", "021", "130", "201")]
DECKS, RIGHT = [1, 0, 3, 0, 3, 0], [1, 1, 0, 0, 1, 1]


@tw.learner
class CardSorting:
    """Decks by the attention to the dimensions that fit; feedback draws attention to those that it supports."""

    r: float = tw.unit("how fast attention changes after right")
    p: float = tw.unit("how fast attention changes after wrong")
    d: float = tw.positive("how much the most attended dimension decides")
    squeeze: float = tw.constant(0.0, "what keeps attention and probabilities from 0")
    from_row: float = tw.constant(1.0, "the row from which d and the squeeze change probabilities")
    renormalise: float = tw.constant(0.0, "whether attention is renormalised before it is squeezed")

    def start(self, task):
        return tw.state(attention=task.table(3, fill=1 / 3), row=1.0)

    @tw.probabilities
    def choose(self, now, trial, preference):
        later = now.row >= self.from_row
        for deck in range(len(preference)):
            preference[deck] = 0.0
        for dimension in range(3):
            weight = now.attention[dimension] ** self.d if later else now.attention[dimension]
            preference[trial.fits[dimension]] += weight
        if later:
            for deck in range(len(preference)):
                preference[deck] = (1 - 2 * self.squeeze) * preference[deck] + self.squeeze

    def learn(self, now, trial, choice, outcome):
        rate = self.r if outcome == 1 else self.p
        total = 0.0
        for dimension in range(3):
            if (trial.fits[dimension] == choice) == (outcome == 1):
                total += now.attention[dimension]
        everything = 0.0
        for dimension in range(3):
            supported = (trial.fits[dimension] == choice) == (outcome == 1)
            signal = now.attention[dimension] / total if supported else 0.0
            now.attention[dimension] = (1 - rate) * now.attention[dimension] + rate * signal
            everything += now.attention[dimension]
        for dimension in range(3):
            share = now.attention[dimension] / everything if self.renormalise else now.attention[dimension]
            now.attention[dimension] = (1 - 2 * self.squeeze) * share + self.squeeze

    def between(self, now, trial):
        now.row += 1.0


def read(fits=FITS, decks=DECKS, right=RIGHT) -> tw.Trials:
    columns = dict(zip(("colour", "form", "number"), np.transpose(fits), strict=True))
    frame = pd.DataFrame({"participant": "a", "choice": decks, "outcome": right, **columns})
    vectors = {"fits": (["colour", "form", "number"], "action")}
    return tw.read_long(frame, trial=False, vectors=vectors, actions=[0, 1, 2, 3])


TRUTH = {"r": 0.4, "p": 0.3, "d": 1.5}
SQUEEZED = CardSorting(squeeze=1e-4, from_row=2.0, renormalise=1.0)


def by_hand(r, p, d, fits=FITS, decks=DECKS, right=RIGHT, lapse=0.0, squeeze=0.0, from_row=1, renormalise=False):
    attention, total = np.full(3, 1 / 3), 0.0
    for row, (fit, deck, correct) in enumerate(zip(fits, decks, right, strict=True), 1):
        later, weights = row >= from_row, np.zeros(4)
        np.add.at(weights, fit, attention**d if later else attention)
        weights = (1 - 2 * squeeze) * weights + squeeze if later else weights
        total += math.log((1 - lapse) * weights[deck] / weights.sum() + lapse / 4)
        signal = attention * ((np.array(fit) == deck) == bool(correct))
        attention = (1 - (r if correct else p)) * attention + (r if correct else p) * signal / signal.sum()
        attention = attention / attention.sum() if renormalise else attention
        attention = (1 - 2 * squeeze) * attention + squeeze
    return total


@pytest.mark.parametrize(
    ("learner", "expected"),
    [
        (CardSorting(), by_hand(**TRUTH)),
        (SQUEEZED, -3.543211354557),
        (CardSorting(squeeze=1e-4), -3.543466914545),
    ],
    ids=["without a squeeze", "from the second row, attention renormalised", "on every row"],
)
def test_likelihood_at_the_reference(learner, expected):
    for plain in (False, True):
        value = tw.log_likelihood(learner, read(), TRUTH, plain=plain)
        np.testing.assert_allclose(value, expected, atol=1e-11)
    settings = {name: learner.settings[name] for name in ("squeeze", "from_row", "renormalise")}
    np.testing.assert_allclose(value, by_hand(**TRUTH, **settings), rtol=1e-12)
    slope = run_gradient(learner, pack(learner, read()), np.array([list(TRUTH.values())]))[1][0]
    for k, name in enumerate(TRUTH):
        high, low = (by_hand(**settings, **TRUTH | {name: TRUTH[name] + step}) for step in (1e-6, -1e-6))
        assert slope[k] == pytest.approx((high - low) / 2e-6, rel=1e-7), name


class Sorting(tw.environments.Environment):
    """Cards that fit another deck in each dimension; the rule changes after ten cards."""

    levels = {"action": (0, 1, 2, 3)}
    reads = ("fits",)

    def show(self, random):
        fits = np.array([random.permutation(4)[:3] for _ in range(40)])
        return tw.environments.Shown(40, {"fits": Column(fits, "action")})

    def potential(self, shown, random):
        rule = np.arange(shown.trials) // 10 % 3
        right = shown["fits"][np.arange(shown.trials), rule]
        return (right[:, None] == np.arange(4)).astype(float)


def test_every_check_in_the_environment():
    for learner in (CardSorting(), SQUEEZED):
        result = tw.check_learner(learner, environment=Sorting(), quiet=True)
        assert result.passed, str(result)


STRAYS = {"decks": [1, 0, 3, 0, 2, 0], "right": [1, 1, 0, 0, 0, 1]}
STRAY = read(**STRAYS)
"""The fifth choice, in row 6 of the table, fits the card in no dimension."""

SAID = r"row 6.*the probability 0.*CardSorting never responds like this[\s\S]*it needs a lapse.*\.with_lapse\(\)"


def test_a_choice_without_any_chance_is_named_and_a_lapse_gives_it_one():
    for plain in (False, True):
        with pytest.warns(UserWarning, match=SAID):
            assert tw.log_likelihood(CardSorting(), STRAY, TRUTH, plain=plain) == -math.inf
    for run in (tw.point, lambda learner, trials: tw.fit(learner, trials, draws=5, tune=5, chains=1, progress=False)):
        with pytest.raises(
            tw.errors.ModelError, match=r"row 6 of the file: probability 0[\s\S]*needs a lapse"
        ) as error:
            run(CardSorting(), STRAY)
    assert in_options(error.value.message).endswith("responses at random on some trials: --lapse")
    (found,) = tw.check_learner(CardSorting(), STRAY, quiet=True).findings
    assert "trial 5 of a has the probability 0 in the middle of the priors: CardSorting never" in found.sentence
    value = tw.log_likelihood(CardSorting().with_lapse(), STRAY, TRUTH | {"lapse": 0.05})
    np.testing.assert_allclose(value, by_hand(**TRUTH, **STRAYS, lapse=0.05), rtol=1e-12)


def test_a_lapse_is_not_advised_where_the_choice_was_not_available():
    learner, closed = CardSorting().with_lapse(), np.ones((6, 4), bool)
    closed[4, 3] = False
    with pytest.warns(UserWarning, match=r"3 was not available there: correct the choice or the availability"):
        tw.log_likelihood(learner, replace(read(), available=closed), TRUTH | {"lapse": 0.05})
