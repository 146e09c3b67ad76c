"""Simulated choices in a two-armed bandit, and designs of them written out by hand: what every peer gets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

import trialwise as tw

INITIAL = 0.5
LEARNER = tw.QLearning(initial=INITIAL).fix(forget=0)
HALF = 1 / np.sqrt(2)


@dataclass(frozen=True)
class Terms:
    """The part of a design that concerns one parameter: matrices with a row for each row of parameters, and names in trialwise."""

    common: np.ndarray
    effects: np.ndarray
    coefficients: tuple[str, ...]
    spreads: tuple[str, ...]
    width: np.ndarray
    scale: np.ndarray
    correlation: str | None = None


def terms(parameter: str, side: np.ndarray, factor: str, mean_width: float, *, within: bool, correlated: bool) -> Terms:
    """An intercept and a factor of two levels; a factor within participants has effects of theirs."""
    columns = np.stack([np.ones(len(side)), side * HALF], 1)
    names = f"{parameter}_mu", f"{parameter}_effects[{factor}.1]"
    spreads = f"{parameter}_sd", f"{parameter}_sd_effects[{factor}.1]"
    count = 2 if within else 1
    correlation = f"correlation[{parameter}, {parameter} {factor}.1]" if correlated else None
    width, scale = np.array([mean_width, 0.5]), np.array([1.0, 0.5])[:count]
    return Terms(columns, columns[:, :count], names, spreads[:count], width, scale, correlation)


@dataclass(frozen=True, eq=False)
class Bandit:
    """Choices of participants, in one or two sessions, with a design of ``alpha`` and ``beta``."""

    trials: tw.Trials
    people: pd.DataFrame
    owner: np.ndarray
    terms: dict[str, Terms]
    """Of ``alpha`` (``a``) and ``beta`` (``b``)."""
    arguments: dict[str, Any]
    """Of :func:`trialwise.fit`."""
    choice: np.ndarray
    outcome: np.ndarray

    @cached_property
    def means(self) -> dict[str, np.ndarray]:
        """Prior means of coefficients; inverse temperatures are in units of the outcomes' standard deviation."""
        sd = np.std(self.outcome)
        return {"a": np.array([-1.0, 0.0]), "b": np.array([1.0 - np.log(sd), 0.0])}

    def for_stan(self) -> dict[str, Any]:
        """The data of Stan's program."""
        data: dict[str, Any] = {
            "R": len(self.owner), "N": int(self.owner.max()) + 1, "T": self.choice.shape[1], "owner": self.owner + 1, "initial": INITIAL,
            "choice": self.choice, "outcome": self.outcome, "eta": 1.0,
        }  # fmt: skip
        for letter, of in self.terms.items():
            data |= {
                f"F{letter}": of.common.shape[1], f"Q{letter}": of.effects.shape[1], f"X{letter}": of.common, f"Z{letter}": of.effects,
                f"mean_{letter}": self.means[letter], f"width_{letter}": of.width, f"spread_{letter}": of.scale,
            }  # fmt: skip
        return data


def _simulated(u: np.ndarray, trials: int, seed: int) -> pd.DataFrame:
    """Choices of participants with unconstrained ``u (participants, 2)``."""
    truth = {"alpha": 1 / (1 + np.exp(-u[:, 0])), "beta": np.exp(u[:, 1])}
    return tw.simulate(
        LEARNER, tw.environments.ProbabilisticReversal(trials=trials), truth, seed=seed
    ).trials.to_frame()


def _matrix(table: pd.DataFrame, column: str, rows: int) -> np.ndarray:
    return table[column].to_numpy(int).reshape(rows, -1)


def two_groups(participants: int, trials: int, seed: int) -> Bandit:
    """Participants of two groups, which differ in both parameters."""
    random = np.random.default_rng(seed)
    side = np.tile([-1.0, 1.0], participants // 2)
    u = np.array([-0.5, 1.2]) + 0.5 * random.standard_normal((participants, 2)) + 0.4 * side[:, None] * [1, -0.5]
    table = _simulated(u, trials, seed)
    people = pd.DataFrame({"participant": range(participants), "group": np.where(side > 0, "b", "a")})
    both = {letter: terms(name, side, "group", width, within=False, correlated=False) for letter, name, width in BOTH}
    arguments = {"formulas": {"alpha": "group", "beta": "group"}, "participants": people}
    data = _matrix(table, "choice", participants), _matrix(table, "outcome", participants)
    return Bandit(tw.read_long(table), people, np.arange(participants), both, arguments, *data)


def two_sessions(participants: int, trials: int, seed: int) -> Bandit:
    """Two sessions of each participant, who differ in level and in change, correlated."""
    random = np.random.default_rng(seed)
    level = np.array([-0.5, 1.2]) + 0.6 * random.standard_normal((participants, 2))
    change = np.array([0.4, -0.2]) + 0.4 * (level - [-0.5, 1.2]) + 0.3 * random.standard_normal((participants, 2))
    tables = [_simulated(level + sign * change / 2, trials, 2 * seed + k) for k, sign in enumerate((-1, 1))]
    table = pd.concat([one.assign(session=f"s{k + 1}") for k, one in enumerate(tables)], ignore_index=True)
    table = table.sort_values(["participant", "session"], kind="stable")
    side = np.tile([-1.0, 1.0], participants)
    both = {letter: terms(name, side, "session", width, within=True, correlated=True) for letter, name, width in BOTH}
    arguments = {"formulas": {"alpha": "session", "beta": "session"}, "correlated": True}
    data = _matrix(table, "choice", 2 * participants), _matrix(table, "outcome", 2 * participants)
    return Bandit(tw.read_long(table), pd.DataFrame(), np.repeat(np.arange(participants), 2), both, arguments, *data)


BOTH = (("a", "alpha", 1.5), ("b", "beta", 1.0))
"""Letter, name, and width of the prior of the mean of each parameter."""
