"""All phases of the alien task in order: training, learning, hidden seasons, refreshers, comparison, a new season, mixed trials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from trialwise.base.errors import UsageError
from trialwise.data.trials import Column
from trialwise.environments.environment import Environment, Shown
from trialwise.environments.tasks.alien import Noise, noise_of, season_order, shuffled_groups
from trialwise.environments.tasks.alien_rewards import ACTIONS, CONTEXTS, CUES, MEANS, WRONG

HIDDEN, NOVEL, TRAINING = CONTEXTS, CONTEXTS + 1, CONTEXTS + 2
"""What is shown for a context where no season is: a picture that hides it, a season never seen before, and none at all."""

NO_SEASON = CONTEXTS
"""The code of no true season."""

TRAINED = 5.0
"""Mean reward of the correct item in training, whose four aliens are others than those of the task."""

ITEM, CONTEXT, CUE = range(3)
"""What is asked for: an item for an alien, the better of two seasons, or the better of two aliens of one season."""

PHASES = ("training", "initial", "hidden", "refresher", "comparison", "novel", "mixed")

ORDER = ("training", "initial", "hidden", "refresher", "comparison", "refresher", "novel", "mixed")
"""The order of the experiment."""


def _blocks(seasons: ArrayLike, presentations: int, random: np.random.Generator, shown: int | None = None) -> dict:
    """Blocks of one season each, aliens in shuffled groups; ``shown`` is the context seen in place of the season."""
    order = np.asarray(seasons)
    season = np.repeat(order, CUES * presentations)
    return {
        "context": season if shown is None else np.full_like(season, shown),
        "cue": np.concatenate([shuffled_groups(presentations, random) for _ in order]),
        "season": season,
        "block": np.repeat(np.arange(len(order)), CUES * presentations),
    }


def training(random: np.random.Generator) -> dict:
    """Ten presentations of each of four other aliens, without a season."""
    phase = _blocks([NO_SEASON], 10, random, shown=TRAINING)
    return phase | {"cue": phase["cue"] + CUES}


def initial(random: np.random.Generator) -> dict:
    """Nine blocks, thirteen presentations of each alien in each: 468 trials."""
    return _blocks(season_order(random), 13, random)


def hidden(random: np.random.Generator) -> dict:
    """Nine blocks, ten presentations of each alien in each, the season not shown, its change announced: 360 trials."""
    return _blocks(season_order(random), 10, random, shown=HIDDEN)


def refresher(random: np.random.Generator) -> dict:
    """Six blocks like those of initial learning, seven presentations of each alien in each: 168 trials."""
    return _blocks(season_order(random)[:6], 7, random)


def novel(random: np.random.Generator) -> dict:
    """Three presentations of each alien in a season never seen before, without feedback: 12 trials."""
    return _blocks([NO_SEASON], 3, random, shown=NOVEL)


def mixed(random: np.random.Generator) -> dict:
    """Three blocks of 84 trials in which season and alien both change: shuffled groups of all twelve pairs."""
    groups = [random.random(CONTEXTS * CUES).argsort() for _ in range(3 * 7)]
    season, cue = np.divmod(np.concatenate(groups), CUES)
    return {"context": season, "cue": cue, "season": season, "block": np.repeat(np.arange(3), 84)}


def comparison(random: np.random.Generator) -> dict:
    """Which of two is liked better, without feedback: 3 pairs of seasons 8 times, half of them first and half last, and between
    them 18 pairs of aliens of one season twice, the sides drawn: 60 trials."""
    pairs = np.array(list(combinations(range(CONTEXTS), 2)))
    seasons = [pairs[random.random(3).argsort()] for _ in range(8)]
    within = [(season, *pair) for season in range(CONTEXTS) for pair in combinations(range(CUES), 2)] * 2
    aliens = np.array(within)[random.random(len(within)).argsort()]
    rows = [(CONTEXT, 0, *pair, 0, 0) for pair in np.concatenate(seasons[:4])]
    rows += [(CUE, season, season, season, *pair) for season, *pair in aliens]
    rows += [(CONTEXT, 0, *pair, 0, 0) for pair in np.concatenate(seasons[4:])]
    made = np.array(rows)
    asked, context = made[:, 0], made[:, 1]
    options = made[:, 2:].reshape(-1, 2, 2)  # (trials, context or cue, side)
    swap = random.random(len(rows)) < 0.5
    options[swap] = options[swap][:, :, ::-1]
    return {
        "context": context, "cue": np.zeros_like(context), "season": np.full_like(context, NO_SEASON),
        "block": np.zeros_like(context), "asked": asked, "option_context": options[:, 0], "option_cue": options[:, 1],
    }  # fmt: skip


MAKERS: dict[str, Callable[[np.random.Generator], dict]] = {
    "training": training, "initial": initial, "hidden": hidden, "refresher": refresher, "comparison": comparison,
    "novel": novel, "mixed": mixed,
}  # fmt: skip


@dataclass(frozen=True)
class AlienExperiment(Environment):
    r"""The alien task from beginning to end (Eckstein & Collins 2020, PNAS 117(47):29381), or some of its phases.

    What a learner is shown: ``context``, the season's code, or one of three more where no season is seen (hidden, novel,
    training); ``cue``, the alien (codes from 4 in training); and in the comparison phase ``asked``, 1 for two seasons and 2
    for two aliens of one season, with the two on offer in ``option_context`` and ``option_cue`` ``(trials, 2)``; actions are
    then left and right, and the third is not available. For analyses alone: ``phase``, ``block``, and ``season``, the true one.

    A block of the hidden phase begins with a reset (its change of season is announced); what a learner makes of that is said by
    its ``reset``. Comparison and novel phase give no feedback.

    Pairs of aliens of no season and pairs of items, which the experiment asked about too, are left out: no learner says
    what they are worth.

    Parameters
    ----------
    phases
        In order, some of ``"training", "initial", "hidden", "refresher", "comparison", "novel", "mixed"``.
    noise
        As in :class:`~trialwise.environments.tasks.alien.AlienTask`.

    Raises
    ------
    UsageError
        For other words or numbers.
    """

    phases: Sequence[str] = ORDER
    noise: str | Noise = "experiment"

    levels = {
        "context": (*range(CONTEXTS), "hidden", "novel", "training"),
        "cue": tuple(range(2 * CUES)),
        "season": (*range(CONTEXTS), "none"),
        "action": tuple(range(ACTIONS)),
        "asked": ("item", "context", "cue"),
        "phase": PHASES,
        "block": tuple(range(64)),
    }
    reads = ("context", "cue", "season", "asked", "phase")

    def __post_init__(self) -> None:
        unknown = [phase for phase in self.phases if phase not in MAKERS]
        if isinstance(self.phases, str) or not self.phases or unknown:
            raise UsageError(f"phases={self.phases!r}: wanted a list of some of {', '.join(PHASES)}")
        noise_of(self.noise)

    def show(self, random: np.random.Generator) -> Shown:
        """Every trial of every phase."""
        parts, blocks = [], 0
        for phase in self.phases:
            made = MAKERS[phase](random)
            length = len(made["cue"])
            blank = np.zeros((length, 2), np.int64)
            made = {"asked": np.full(length, ITEM), "option_context": blank, "option_cue": blank} | made
            made["phase"] = np.full(length, PHASES.index(phase))
            made["block"] = made["block"] + blocks
            blocks = int(made["block"][-1]) + 1
            parts.append(made)
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        first = np.concatenate([[True], np.diff(columns["block"]) != 0])
        available = np.ones((len(first), ACTIONS), bool)
        available[columns["asked"] != ITEM, 2] = False
        shown: dict[str, np.ndarray | Column] = dict(columns)
        shown["option_context"] = Column(columns["option_context"], "context")
        shown["option_cue"] = Column(columns["option_cue"], "cue")
        return Shown(len(first), shown, reset=first & (columns["context"] == HIDDEN), available=available)

    def means(self, shown: Shown) -> np.ndarray:
        """Mean reward of each item, ``(trials, 3)``; in a comparison the mean reward of the two on offer. NaN where there is none."""
        season, cue, asked, phase = (shown[name].astype(int) for name in ("season", "cue", "asked", "phase"))
        means = np.full((shown.trials, ACTIONS), np.nan)
        usual = (asked == ITEM) & (season != NO_SEASON)
        means[usual] = MEANS[season[usual], cue[usual]]
        trained = phase == PHASES.index("training")
        means[trained] = WRONG
        means[trained, cue[trained] % ACTIONS] = TRAINED
        best, which = MEANS.max(2), shown["option_context"].astype(int)
        means[asked == CONTEXT, :2] = best.mean(1)[which[asked == CONTEXT]]
        means[asked == CUE, :2] = best[which, shown["option_cue"].astype(int)][asked == CUE]
        return means

    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        """The noisy reward of each item, ``(trials, 3)``; NaN where there is no feedback."""
        sd, decimals = noise_of(self.noise)
        means = np.where((shown["asked"] == ITEM)[:, None], self.means(shown), np.nan)
        return np.round(np.maximum(means + sd * random.standard_normal(means.shape), 0.0), decimals)
