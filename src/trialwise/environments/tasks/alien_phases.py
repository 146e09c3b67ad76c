"""All phases of the alien task: training, initial learning, hidden seasons, refreshers, comparisons, a novel season, mixed trials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.data.trials import Column
from trialwise.environments.environment import Environment, Shown
from trialwise.environments.tasks.alien import Noise, noise_of, season_order, shuffled_groups
from trialwise.environments.tasks.alien_rewards import ACTIONS, CONTEXTS, CUES, MEANS, WRONG

HIDDEN, NOVEL, TRAINING = CONTEXTS, CONTEXTS + 1, CONTEXTS + 2
"""Codes of contexts other than the three seasons: a picture that hides the season, a season never seen before, no season."""

NO_SEASON = CONTEXTS
"""The code of the true season in phases without one."""

TRAINED = 5.0
"""Mean reward of the correct item in training, whose four aliens do not occur in the other phases."""

ITEM, CONTEXT, CUE = range(3)
"""The question on a trial: an item for an alien, the better of two seasons, or the better of two aliens of one season."""

PHASES = ("training", "initial", "hidden", "refresher", "comparison", "novel", "mixed")

ORDER = ("training", "initial", "hidden", "refresher", "comparison", "refresher", "novel", "mixed")
"""The order of the phases in the experiment."""


def _blocks(seasons: ArrayLike, presentations: int, random: np.random.Generator, shown: int | None = None) -> dict:
    """Blocks of one season each, with aliens in shuffled groups; ``shown`` is the context displayed in place of the season."""
    order = np.asarray(seasons)
    season = np.repeat(order, CUES * presentations)
    return {
        "context": season if shown is None else np.full_like(season, shown),
        "cue": np.concatenate([shuffled_groups(presentations, random) for _ in order]),
        "season": season,
        "block": np.repeat(np.arange(len(order)), CUES * presentations),
    }


def training(random: np.random.Generator) -> dict:
    """Training: ten presentations of each of four other aliens, without a season (40 trials)."""
    phase = _blocks([NO_SEASON], 10, random, shown=TRAINING)
    return phase | {"cue": phase["cue"] + CUES}


def initial(random: np.random.Generator) -> dict:
    """Initial learning: nine blocks with thirteen presentations of each alien (468 trials)."""
    return _blocks(season_order(random), 13, random)


def hidden(random: np.random.Generator) -> dict:
    """Hidden seasons: nine blocks with ten presentations of each alien; the season is not shown, its change is announced (360 trials)."""
    return _blocks(season_order(random), 10, random, shown=HIDDEN)


def refresher(random: np.random.Generator) -> dict:
    """Refresher: six blocks as in initial learning, with seven presentations of each alien (168 trials)."""
    return _blocks(season_order(random)[:6], 7, random)


def novel(random: np.random.Generator) -> dict:
    """Novel season: three presentations of each alien in a season never seen before, without feedback (12 trials)."""
    return _blocks([NO_SEASON], 3, random, shown=NOVEL)


def mixed(random: np.random.Generator) -> dict:
    """Mixed trials: three blocks of 84 trials in which season and alien both change, in shuffled groups of all twelve pairs."""
    groups = [random.random(CONTEXTS * CUES).argsort() for _ in range(3 * 7)]
    season, cue = np.divmod(np.concatenate(groups), CUES)
    return {"context": season, "cue": cue, "season": season, "block": np.repeat(np.arange(3), 84)}


def comparison(random: np.random.Generator) -> dict:
    """Comparisons: which of two options the participant prefers, without feedback (60 trials).

    Each of the 3 pairs of seasons occurs 8 times, 4 times at the beginning and 4 times at the end; in between, each of the 18
    pairs of aliens of one season occurs twice. The sides of the two options are drawn at random.
    """
    pairs = np.array(list(combinations(range(CONTEXTS), 2)))
    seasons = [pairs[random.random(3).argsort()] for _ in range(8)]
    within = [(season, *pair) for season in range(CONTEXTS) for pair in combinations(range(CUES), 2)] * 2
    aliens = np.array(within)[random.random(len(within)).argsort()]
    rows = [(CONTEXT, 0, *pair, 0, 0) for pair in np.concatenate(seasons[:4])]
    rows += [(CUE, season, season, season, *pair) for season, *pair in aliens]
    rows += [(CONTEXT, 0, *pair, 0, 0) for pair in np.concatenate(seasons[4:])]
    table = np.array(rows)
    asked, context = table[:, 0], table[:, 1]
    options = table[:, 2:].reshape(-1, 2, 2)  # (trials, context or cue, side)
    swap = random.random(len(rows)) < 0.5
    options[swap] = options[swap][:, :, ::-1]
    return {
        "context": context, "cue": np.zeros_like(context), "season": np.full_like(context, NO_SEASON),
        "block": np.zeros_like(context), "asked": asked, "option_context": options[:, 0], "option_cue": options[:, 1],
    }  # fmt: skip


GENERATORS: dict[str, Callable[[np.random.Generator], dict]] = {
    "training": training, "initial": initial, "hidden": hidden, "refresher": refresher, "comparison": comparison,
    "novel": novel, "mixed": mixed,
}  # fmt: skip


@dataclass(frozen=True)
class AlienExperiment(Environment):
    r"""All phases of the alien task (Eckstein & Collins 2020, PNAS 117(47):29381), or a selection of them.

    Columns shown to a learner: ``context``, the code of the season, or one of three further codes where no season is visible
    (hidden, novel, training); ``cue``, the alien (codes from 4 in training); and ``asked``, 1 for a comparison of two seasons and
    2 for a comparison of two aliens of one season, with the two options in ``option_context`` and ``option_cue``
    ``(trials, 2)``. In comparisons the actions are left and right, and the third action is not available. Columns for analyses
    only: ``phase``, ``block``, and ``season``, the true season.

    Each block of the hidden phase begins with a reset, because the change of season is announced; a learner's ``reset`` defines
    how it responds. The comparison phase and the novel phase give no feedback.

    The experiment also compared aliens without a season and items; these comparisons are left out, because no learner assigns
    values to them.

    Parameters
    ----------
    phases
        A list, in order, of any of ``"training", "initial", "hidden", "refresher", "comparison", "novel", "mixed"``.
    noise
        As in :class:`~trialwise.environments.tasks.alien.AlienTask`.

    Raises
    ------
    UsageError
        If a phase or the noise is unknown.

    Examples
    --------
    >>> import trialwise as tw
    >>> task = tw.environments.AlienExperiment(phases=["initial", "novel"])
    >>> truth = {"alpha": 0.2, "beta": 2, "forget": 0.05}
    >>> tw.simulate(tw.QLearning(initial=1.2), task, truth, participants=1, seed=1).trials.n_trials
    480
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
    mean_rewards = MEANS
    learners = ("AlienQLearning", "AlienTaskSets", "AlienHierarchicalBayes")

    def __post_init__(self) -> None:
        unknown = [phase for phase in self.phases if phase not in GENERATORS]
        if isinstance(self.phases, str) or not self.phases or unknown:
            raise UsageError(Argument("phases", self.phases), f": wanted a list of some of {', '.join(PHASES)}")
        noise_of(self.noise)

    def show(self, random: np.random.Generator) -> Shown:
        """Draw the trials of all phases.

        Parameters
        ----------
        random
            The participant's random generator.

        Returns
        -------
        Shown
            The sequence of one participant.
        """
        parts, blocks = [], 0
        for phase in self.phases:
            part = GENERATORS[phase](random)
            length = len(part["cue"])
            blank = np.zeros((length, 2), np.int64)
            part = {"asked": np.full(length, ITEM), "option_context": blank, "option_cue": blank} | part
            part["phase"] = np.full(length, PHASES.index(phase))
            part["block"] = part["block"] + blocks
            blocks = int(part["block"][-1]) + 1
            parts.append(part)
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        first = np.concatenate([[True], np.diff(columns["block"]) != 0])
        available = np.ones((len(first), ACTIONS), bool)
        available[columns["asked"] != ITEM, 2] = False
        shown: dict[str, np.ndarray | Column] = dict(columns)
        shown["option_context"] = Column(columns["option_context"], "context")
        shown["option_cue"] = Column(columns["option_cue"], "cue")
        return Shown(len(first), shown, reset=first & (columns["context"] == HIDDEN), available=available)

    def means(self, shown: Shown) -> np.ndarray:
        """Mean reward of each item, or of the two options in a comparison.

        Parameters
        ----------
        shown
            What :meth:`show` returned.

        Returns
        -------
        array
            ``(trials, 3)``, in points; NaN where there is none.
        """
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
        """Draw the noisy reward of each item.

        Parameters
        ----------
        shown
            What :meth:`show` returned.
        random
            The participant's random generator.

        Returns
        -------
        array
            ``(trials, 3)``, in points; NaN where there is no feedback.
        """
        sd, decimals = noise_of(self.noise)
        means = np.where((shown["asked"] == ITEM)[:, None], self.means(shown), np.nan)
        return np.round(np.maximum(means + sd * random.standard_normal(means.shape), 0.0), decimals)
