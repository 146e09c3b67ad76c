"""Measures of participants that rules of exclusion are about: of the participants' own trials, which are rows of the file where it was expanded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.data.expansion.declared import STAGE, Repeats, Stage, Stages
from trialwise.data.reading.cells import key
from trialwise.data.reading.response_times import FASTEST, SLOWEST
from trialwise.data.reading.where import written
from trialwise.data.trials import MISSED, Trials

RT = "the median response time"


@dataclass
class Measures:
    """What rules can be about: a value for each participant, by name; NaN or None where it is not defined.

    Attributes
    ----------
    values
        The values, in the order of participants.
    sources
        What each name stands for.
    ambiguous
        What else a name could stand for.
    """

    values: dict[str, np.ndarray] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    ambiguous: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, source: str, values: np.ndarray) -> None:
        if name in self.values:
            self.ambiguous[name] = source
        else:
            self.values[name], self.sources[name] = values, source

    def refuse_ambiguous(self, rule: str, names: tuple[str, ...]) -> None:
        for name in names:
            if name in self.ambiguous:
                raise UsageError(
                    Argument("exclude", rule),
                    f": {name!r} is {self.sources[name]}, and also {self.ambiguous[name]}: give that column another name in the file",
                )

    def refuse_units(self, rule: str, bounds: tuple[tuple[str, float], ...]) -> None:
        """Refuse percentages, and response times in milliseconds: nobody would satisfy such a condition, or everybody."""
        for name, bound in bounds:
            source = self.sources[name]
            if source.startswith("the share") and bound > 1:
                unit = f"{source}, from 0 to 1: write {bound / 100:g} for {bound:g} %"
            elif source.startswith(RT) and bound > SLOWEST:
                unit = f"{source} in seconds: write {bound / 1000:g} for {bound:g} ms"
            else:
                continue
            raise UsageError(Argument("exclude", rule), f": {name} is {unit}")

    def missing(self, names: tuple[str, ...], cases: np.ndarray) -> list[str]:
        """The names of which some of these cases have no value, as conditions spell them."""
        import pandas as pd

        return [written(name) for name in names if pd.isna(pd.Series(self.values[name])[cases]).any()]


def measures_of(trials: Trials) -> Measures:
    """The measures of each participant, and their constant columns; see :func:`trialwise.data.exclude.exclude`.

    Of stages, a measure without a name of a stage is about all of them, with one value for each row of the file.
    """
    result = Measures()
    result.add("participant", "the label of the participant", np.array([*trials.participants, None], object)[:-1])
    rows = trials.file_rows
    every = np.ones(trials.n_trials, bool)
    result.add("trials", "the number of trials", np.bincount(rows.owner, minlength=trials.n_participants))
    stages = dict(_stages(trials))
    asked, missing = _missing(trials, stages)
    result.add("missed", "the share of trials without a response", _share(trials, asked & missing, asked))
    if trials.choice is not None:
        runs, shares = zip(*(_of_choices(each) for each in _series(trials, stages)), strict=True)
        result.add("same", "the share of the most frequent choice", np.fmax.reduce(shares))
        result.add("run", "the longest run of one choice", np.fmax.reduce(runs))
    _add_times(result, trials, every, "")
    for name in trials.outcome:
        result.add(name, "the mean outcome", _mean_outcome(trials, name, _from_file(trials, name, stages)))
    for name, values in _constant_columns(trials).items():
        result.add(name, f"the column {name!r}", values)
    for stage, there in stages.items():
        _add_stage(result, trials, stage, there, asked, missing)
    return result


def ended_before(trials: Trials) -> int:
    """The number of rows of the file that end before the last stage, after a response."""
    ends = trials.file_rows.ends
    stages = [*_stages(trials)]
    return int((~stages[-1][1] & trials.responded)[ends].sum()) if stages else 0


def _stages(trials: Trials) -> Iterator[tuple[Stage, np.ndarray]]:
    """The trials of each stage, ``bool (trials,)``; nothing if the file was not expanded into stages."""
    if isinstance(trials.expansion, Stages) and STAGE in trials.columns and trials.row is not None:
        names = [key(label) for label in trials.levels[STAGE]]
        for stage in trials.expansion.stages:
            code = names.index(key(stage.name)) if key(stage.name) in names else MISSED
            yield stage, trials.columns[STAGE].values == code


def _add_stage(
    result: Measures, trials: Trials, stage: Stage, there: np.ndarray, asked: np.ndarray, missing: np.ndarray
) -> None:
    """The measures of one stage alone."""
    of = f" in the stage {stage.name}"
    if (asked & there).any():
        shares = _share(trials, asked & missing & there, asked & there)
        result.add(f"missed_{stage.name}", f"the share of trials without a response{of}", shares)
    if trials.choice is not None and "choice" in stage.roles:
        run, same = _of_choices(_each(trials, trials.choice, trials.own & there))
        result.add(f"same_{stage.name}", f"the share of the most frequent choice{of}", same)
        result.add(f"run_{stage.name}", f"the longest run of one choice{of}", run)
    _add_times(result, trials, there, stage.name)
    for name in trials.outcome:
        result.add(f"{name}_{stage.name}", f"the mean outcome{of}", _mean_outcome(trials, name, there))


def _share(trials: Trials, some: np.ndarray, of: np.ndarray) -> np.ndarray:
    """The share of rows of the file with ``some`` among those with one ``of`` these trials, ``(participants,)``."""
    rows = trials.file_rows
    owner = [rows.owner[np.unique(rows.of_trial[each])] for each in (some, of)]
    counts = [np.bincount(each, minlength=trials.n_participants) for each in owner]
    with np.errstate(invalid="ignore"):
        return np.asarray(counts[0] / counts[1])


def _missing(trials: Trials, stages: dict[Stage, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Trials on which a response of one's own is asked for, and those without a response, ``bool (trials,)``."""
    asked, missing = trials.unforced.copy(), ~trials.responded
    for stage, there in stages.items():
        if "choice" in stage.roles:
            continue
        values = [each[there] for each in trials.response.values() if not np.isnan(each[there]).all()]
        asked[there] &= bool(values)
        missing[there] = np.all(np.isnan(values), axis=0) if values else False
    return asked, missing


def _series(trials: Trials, stages: dict[Stage, np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Sequences of own choices of each participant: one, or one of each stage; of repeated choices, how often one went on until one stopped."""
    assert trials.choice is not None
    if isinstance(trials.expansion, Repeats) and trials.row is not None:
        stop = [key(label) for label in trials.levels["action"]].index(key(trials.expansion.actions[0]))
        rows = trials.file_rows
        stopped = (trials.choice == stop) & trials.own & np.isin(np.arange(trials.n_trials), rows.ends)
        yield _each(trials, rows.lengths[rows.of_trial] - 1, stopped)
        return
    masks = [there for stage, there in stages.items() if "choice" in stage.roles]
    for there in masks or [np.ones(trials.n_trials, bool)]:
        yield _each(trials, trials.choice, trials.own & there)


def _each(trials: Trials, values: np.ndarray, at: np.ndarray) -> list[np.ndarray]:
    """The values of each participant at some trials."""
    return [values[a:b][at[a:b]] for a, b in pairwise(trials.offsets)]


def _of_choices(choices: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The longest run of one choice, and the share of the most frequent one, ``(participants,)``; NaN without choices."""
    runs = [_longest_run(each) for each in choices]
    return np.array(runs), np.array([np.bincount(each).max() / len(each) if len(each) else np.nan for each in choices])


def _add_times(result: Measures, trials: Trials, there: np.ndarray, stage: str) -> None:
    """Response times of own responses at some trials: the median over rows of the file of their means, and the share of rows with a fast one."""
    import pandas as pd

    if trials.rt is None:
        return
    timed = there & trials.own & ~np.isnan(trials.rt)
    if stage and not timed.any():
        return
    rows = trials.file_rows
    of, end = (f" in the stage {stage}", f"_{stage}") if stage else ("", "")
    means = pd.Series(trials.rt[timed]).groupby(rows.of_trial[timed]).mean()
    medians = means.groupby(rows.owner[means.index]).median().reindex(range(trials.n_participants))
    result.add(f"rt{end}", f"{RT}{of}", medians.to_numpy())
    fast = _share(trials, timed & (trials.rt < FASTEST), timed)
    result.add(f"fast{end}", f"the share of response times below {FASTEST} s{of}", fast)


def _mean_outcome(trials: Trials, name: str, there: np.ndarray) -> np.ndarray:
    """The mean over rows of the file of the sum of their outcomes after own responses, ``(participants,)``."""
    values, rows = trials.outcome[name], trials.file_rows
    known = there & trials.own & ~np.isnan(values)
    sums = np.bincount(rows.of_trial[known], values[known], len(rows))
    seen = np.unique(rows.of_trial[known])
    with np.errstate(invalid="ignore"):
        counts = np.bincount(rows.owner[seen], minlength=trials.n_participants)
        return np.asarray(np.bincount(rows.owner[seen], sums[seen], trials.n_participants) / counts)


def _from_file(trials: Trials, name: str, stages: dict[Stage, np.ndarray]) -> np.ndarray:
    """Trials of the stages whose outcome is a column of the file; where no stage has one, all trials."""
    declared = {stage: there for stage, there in stages.items() if _has_column(trials, name, stage, there)}
    return np.any([*declared.values()], axis=0) if declared else np.ones(trials.n_trials, bool)


def _has_column(trials: Trials, name: str, stage: Stage, there: np.ndarray) -> bool:
    """Whether the outcome of a stage is a column of the file; one that was renamed is recognised as a number by its values."""
    assert isinstance(trials.expansion, Stages)
    if name in trials.expansion.roles:
        return name in stage.columns
    values = trials.outcome[name][there]
    values = np.unique(values[~np.isnan(values)])
    numbers = [float(number) for role, number in stage.constants.items() if role not in ("cue", "context", "rt")]
    return len(values) > 0 and not (len(values) == 1 and float(values[0]) in numbers)


def _constant_columns(trials: Trials) -> dict[str, np.ndarray]:
    """Columns that are constant within every participant, one value each, NaN or None where there is none."""
    import pandas as pd

    starts, present = trials.offsets[:-1][trials.lengths > 0], trials.lengths > 0
    constant = {}
    for name, column in trials.columns.items():
        values = column.values
        if values.ndim > 1 or not len(values):
            continue
        first = np.repeat(values[starts], trials.lengths[present])
        if not ((values == first) | ((values != values) & (first != first))).all():
            continue
        each = (
            values[starts] if column.levels is None else [trials.levels[column.levels][code] for code in values[starts]]
        )
        constant[name] = np.full(trials.n_participants, None, object)
        constant[name][present] = each
        if column.levels is None:
            constant[name] = pd.to_numeric(constant[name])
    return constant


def _longest_run(choices: np.ndarray) -> float:
    """The length of the longest run of one choice; NaN without choices."""
    if not len(choices):
        return np.nan
    ends = np.flatnonzero(np.diff(choices, append=MISSED - 1))
    return float(np.diff(ends, prepend=-1).max())
