"""Expansion undone: of a table with a row a trial, one with a row per row of the file."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.expects import NONE, TABLE, expects
from trialwise.base.message import Argument
from trialwise.data.expansion.declared import STAGE, Expansion, Repeats, Stage, Stages
from trialwise.data.file_rows import FileRows
from trialwise.data.reading.cells import key
from trialwise.data.reading.coded import objects
from trialwise.data.trials import TRIALS, Trials, row_of

if TYPE_CHECKING:
    import pandas as pd

RUNNING = ("trial", "number")
"""Columns of running numbers, if the file has none of its own."""
FROM_FIRST = "reset"
"""What is said of a row of the file by its first trial."""
SUMMED = "log_likelihood"


@expects(trials=TRIALS, table=TABLE | NONE)
def collapse(trials: Trials, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Undo the expansion in a table with a row a trial: a row per row of the file, in its order, to be joined to it.

    Columns that a stage took from the file have their names in the file again, with the labels of the file: read with the same ``expand``,
    they are the same trials. A column that does not differ between the trials of any row stays as it is; of any other, each stage has
    its own, ``choice_probability_first``, ``choice_probability_second``, empty for a stage that was left out (``error_at_first``, if
    ``error_first`` is a column of the table already). Of repeated choices, the count and the flag of the file are restored, the log-likelihood
    is summed, and of other columns the first and the last trial have their own, ``choice_probability_first`` and
    ``choice_probability_last``. Running numbers count rows of the file; response times are in seconds.

    Parameters
    ----------
    trials
        Trials that were read with ``expand``, or simulated in their sequences.
    table
        Its rows are those of the trials, in their order, such as :func:`trialwise.trial_values`; by default ``trials.to_frame()``.

    Returns
    -------
    DataFrame
        ``row`` is the row of the file (``file`` and ``row`` of several). Rows of the file without a trial are not in it.

    Raises
    ------
    UsageError
        If the trials were not expanded, the table has other rows, or choices cannot be those of a row of the file: of a series that
        was simulated or cut, one went on after stopping; stages were taken out.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"id": ["a", "a"], "choice1": [1, 2], "choice2": [4, 1], "reward": [1, 0]})
    >>> trials = tw.read_long(table, expand="first: choice=choice1; second: choice=choice2, groups=1 2 | 3 4, outcome=reward")
    >>> tw.collapse(trials)
      participant  row  trial  choice1  choice2  reward
    0           a    2      1        1        4     1.0
    1           a    3      2        2        1     0.0
    """
    import pandas as pd

    expansion, row = trials.expansion, trials.row
    if expansion is None or row is None:
        raise UsageError("collapse undoes ", Argument("expand", ...), ", and each of these trials is a row of its own")
    table = trials.to_frame() if table is None else table
    if len(table) != trials.n_trials:
        raise UsageError(f"collapse: the table has {len(table)} rows, and there are {trials.n_trials} trials")
    file = np.zeros(len(row), np.int64) if trials.file is None else pd.factorize(trials.file)[0]
    units = trials.file_rows
    of_kind = (
        _of_stages(trials, table, expansion, units)
        if isinstance(expansion, Stages)
        else _of_repeats(table, expansion, units)
    )
    result = pd.DataFrame(dict(of_kind))
    places = np.stack([file[units.starts], row[units.starts]])
    if len(np.unique(places, axis=1).T) == len(units):  # simulated participants may share the rows of one
        result = result.iloc[np.lexsort(places[::-1])].reset_index(drop=True)
    result.attrs = dict(table.attrs)
    return result


def _same(units: FileRows, values: pd.Series) -> bool:
    """Whether no two trials of a row differ in a column; nothing is the same as nothing."""
    import pandas as pd

    codes = pd.factorize(values)[0]
    return bool((codes == codes[units.starts][units.of_trial]).all())


def _counted(units: FileRows) -> np.ndarray:
    """The running number of each row of the file within its participant, from 1."""
    first = np.flatnonzero(np.diff(units.owner, prepend=-1))
    return np.arange(1, len(units) + 1) - np.repeat(first, np.diff(first, append=len(units)))


def _whole(units: FileRows, name: str, values: pd.Series) -> np.ndarray | None:
    """The column of what is said of whole rows of the file; None if its trials differ."""
    if name == FROM_FIRST or _same(units, values):
        return values.to_numpy()[units.starts]
    return _counted(units) if name in RUNNING else None


def _of_stages(trials: Trials, table: pd.DataFrame, expansion: Stages, units: FileRows) -> Iterator[tuple[str, object]]:
    names = [stage.name for stage in expansion.stages]
    at = _places(_labels(trials, STAGE), names)
    _refuse_cut(trials, at, units)
    with_cues = (
        table if "cue" in table or "cue" not in trials.columns else table.assign(cue=_labels(trials, "cue").to_numpy())
    )
    done: set[str] = set()
    for name in table.columns:
        if name == STAGE:
            continue
        if name in expansion.roles:
            for column in dict.fromkeys(
                stage.columns[name]
                for stage in expansion.stages
                if name in stage.columns and stage.columns[name] not in done
            ):
                done.add(column)
                yield column, _from_stages(with_cues, expansion, units, at, name, column)
            continue
        values = _whole(units, name, table[name])
        if values is not None:
            yield name, values
            continue
        between = "_at_" if any(f"{name}_{stage}" in table for stage in names) else "_"
        for k, stage in enumerate(names):
            rows = np.flatnonzero(at == k)
            yield f"{name}{between}{stage}", _spread(table[name].iloc[rows], units.of_trial[rows], len(units))


def _refuse_cut(trials: Trials, at: np.ndarray, units: FileRows) -> None:
    """Refuse rows of the file without their first stages, which were cut: only stages at the end can be missing in a file."""
    wrong = np.flatnonzero(at != np.arange(trials.n_trials) - units.starts[units.of_trial])
    if len(wrong) and trials.row is not None:
        raise UsageError(
            f"collapse: the stages of participant {trials.participants[units.owner[units.of_trial[wrong[0]]]]!r}{row_of(trials.row, trials.file, wrong[0])} "
            "do not follow each other from the first on: select participants, select([...]), or first trials, first(n), which cut no row of the file"
        )


def _labels(trials: Trials, name: str) -> pd.Series:
    """A column of labels of the trials."""
    import pandas as pd

    column = trials.columns[name]
    return pd.Series(objects(trials.levels[str(column.levels)])[column.values], dtype=object)


def _from_stages(
    table: pd.DataFrame, expansion: Stages, units: FileRows, at: np.ndarray, role: str, column: str
) -> pd.Series:
    """A column of the file, put together from the stages that took it; the earliest of them counts."""
    import pandas as pd

    result = objects([None] * len(units))
    for k, stage in reversed([*enumerate(expansion.stages)]):
        if stage.columns.get(role) == column:
            rows = np.flatnonzero(at == k)
            values = table[role].iloc[rows]
            if role == "choice" and stage.groups:
                values = _ungrouped(stage, values, table["cue"].iloc[rows] if len(stage.groups) > 1 else None)
            result[units.of_trial[rows]] = values.astype(object).to_numpy()
    return pd.Series(result, dtype=object).infer_objects()


def _ungrouped(stage: Stage, choice: pd.Series, cue: pd.Series | None) -> pd.Series:
    """The labels in the file of actions at cues."""
    import pandas as pd

    action = _places(choice, stage.actions)
    group = np.zeros(len(choice), np.int64) if cue is None else _places(cue, stage.cues or ())
    labels = objects([*(label for labels in stage.groups for label in labels), None])
    place = np.where((action < 0) | (group < 0), -1, group * len(stage.actions) + action)
    return pd.Series(labels[place], index=choice.index, dtype=object)


def _places(values: pd.Series, labels: Sequence[Hashable]) -> np.ndarray:
    """The index of each value among labels, -1 if it is none of them, ``int64 (values,)``."""
    import pandas as pd

    codes, distinct = pd.factorize(values)
    known = {key(label): n for n, label in enumerate(labels)}
    return np.array([*(known.get(key(each), -1) for each in distinct.tolist()), -1], np.int64)[codes]


def _spread(values: pd.Series, unit: np.ndarray, count: int) -> pd.Series:
    """The values of one stage in the rows of the file that have it."""
    import pandas as pd

    return pd.Series(values.to_numpy(), index=unit).reindex(range(count))


def _of_repeats(table: pd.DataFrame, expansion: Expansion, units: FileRows) -> Iterator[tuple[str, object]]:
    assert isinstance(expansion, Repeats)
    for name in table.columns:
        if name == expansion.step:
            continue
        if name == "choice":
            yield expansion.count, _counts(table, expansion, units)
        elif name == "outcome":
            yield expansion.ended, np.maximum.reduceat(table[name].fillna(0).to_numpy(float), units.starts).astype(int)
        elif name.endswith(SUMMED):
            yield name, table[name].groupby(units.of_trial).sum(min_count=1).to_numpy()
        elif (values := _whole(units, name, table[name])) is not None:
            yield name, values
        else:
            yield f"{name}_first", table[name].to_numpy()[units.starts]
            yield f"{name}_last", table[name].to_numpy()[units.ends]


def _counts(table: pd.DataFrame, expansion: Repeats, units: FileRows) -> np.ndarray:
    """How often each row of the file went on; refused if it is no series that ends with stopping or an end from outside."""
    choices = _places(table["choice"], expansion.actions)
    goes, last = choices == 1, np.zeros(len(choices), bool)
    last[units.ends] = True
    ended = table["outcome"].to_numpy() == 1 if "outcome" in table else ~goes
    wrong = np.where(last, (choices != 0) & ~(goes & ended), ~goes | ended)
    if wrong.any():
        t = int(np.argmax(wrong))
        raise UsageError(
            f"collapse: trial {t + 1} of the table ({table['choice'].iloc[t]}) is in no series that went on until it "
            "stopped or was ended, and is no row of a file: of choices that were simulated in recorded series, or series that were cut, there is none"
        )  # fmt: skip
    return np.add.reduceat(goes.astype(np.int64), units.starts)
