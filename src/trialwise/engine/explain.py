"""Explain a learner's errors in terms of its own text: the line, the problem, and what to write instead."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np

from trialwise.base.errors import LearnerError, TrialwiseError
from trialwise.engine.exceptions import raised
from trialwise.engine.flags import ACTED, FLAGS, SCORED, TEACHES, WATCHES
from trialwise.engine.kernels.whole_numbers import NEGATIVE_POWER
from trialwise.engine.packed import Packed, middle_row
from trialwise.engine.walks.parts import PLAIN, build_parts, participant_of, plain_options, plain_preference
from trialwise.engine.walks.replay import build_replay
from trialwise.learners.learner import Learner
from trialwise.learners.responses.family import fill, hidden_field, unfilled
from trialwise.learners.state import Task, numbers_of

REPLACEMENTS = {
    "log_ndtr": "the logarithm of the normal distribution function is tw.functions.log_normal_cdf(x)",
    "logcdf": "the logarithm of the normal distribution function is tw.functions.log_normal_cdf((x - mean) / sd)",
    "logsf": "the logarithm of the upper tail of the normal distribution is tw.functions.log_normal_cdf((mean - x) / sd)",
    "ndtr": "the normal distribution function is tw.functions.normal_cdf(x)",
    "cdf": "the normal distribution function is tw.functions.normal_cdf((x - mean) / sd)",
    "sf": "the upper tail of the normal distribution is tw.functions.normal_cdf((mean - x) / sd)",
    "ndtri": "the normal quantile is tw.functions.normal_quantile(p)",
    "ppf": "the normal quantile is mean + sd * tw.functions.normal_quantile(p)",
    "logpdf": "the normal log-density is -0.5 * ((x - mean) / sd) ** 2 - math.log(sd * math.sqrt(2.0 * math.pi))",
    "pdf": "the normal density is math.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * math.sqrt(2.0 * math.pi))",
    "expit": "the logistic function is tw.functions.logistic(x)",
    "log_expit": "the logarithm of the logistic function is -tw.functions.softplus(-x)",
    "logit": "the logit is math.log(p / (1.0 - p))",
    "logsumexp logaddexp": "the logarithm of a sum of exponentials is tw.functions.log_sum_exp(values)",
    "softmax log_softmax": "tw.softmax_into(table) turns logits into probabilities in place; choose does so with preference by itself",
    "psi digamma": "the digamma function is tw.functions.digamma(x)",
    "gammaln loggamma": "the logarithm of the gamma function is math.lgamma(x)",
    "betaln": "the logarithm of the beta function is math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)",
    "factorial": "the factorial of n is math.gamma(n + 1.0)",
    "comb": "the number of subsets of k of n is math.exp(math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0))",
    "erf erfc": "write math.erf(x) and math.erfc(x)",
    "fsum": "write sum(table)",
    "dist": "the distance of two points is math.hypot(x1 - x2, y1 - y2)",
    "norm": "the length of a vector is math.sqrt(np.dot(table, table))",
    "isclose": "compare the distance: abs(a - b) <= 1e-8 + 1e-5 * abs(b)",
    "quantile percentile argpartition partition": "np.sort(table) is sorted in ascending order: use its entries",
    "diff": "compute one entry at a time: table[j + 1] - table[j], for j in range(len(table) - 1)",
    "roll": "compute one entry at a time: table[(j - 1) % len(table)] in place of np.roll(table, 1)[j]",
    "outer": "compute one entry at a time: x[j] * y[k] in place of np.outer(x, y)[j, k]",
    "concatenate append stack hstack vstack repeat tile": "make a table of the whole length, np.zeros(n), and fill it in loops",
    "linspace": "compute one number at a time: low + (high - low) * j / (n - 1), for j in range(n)",
    "nansum nanmean nanmax nanmin": "ask each entry: for x in table: if not np.isnan(x): total += x",
    "reversed": "write table[::-1], or range(n - 1, -1, -1)",
    "map filter accumulate reduce": "write a loop: start total at 0.0; for x in table: total += x",
    "fmod": "the remainder with the sign of x is x - y * np.trunc(x / y); that with the sign of y is x % y",
    "log": "math.log takes one number: math.log(x) / math.log(base) for another base, np.log(table) for a table",
    "float": "a condition becomes a number by 1.0 if x > y else 0.0",
    "inner vdot": "write np.dot(x, y)",
    "count_nonzero": "write np.sum(table != 0.0)",
    "flatnonzero nonzero argwhere": "write a loop with if: for j in range(len(table)): if table[j] != 0.0: use j",
    "tolist": "a table is used as it is: table[j], for x in table, len(table)",
    "T transpose reshape ravel flatten": "index the table itself: table[j, k]",
}
"""What to write in place of functions that cannot be compiled, by their names. Of two that match, the first counts."""

PATTERNS = (
    (r"(?i)\byield\b|generator", "write a list in place of the generator, sum([x * x for x in table]), or a for loop"),
    (r"built-in function (sum|max|min|prod|sorted)>", "write a list, sum([math.exp(x) for x in table]), or a for loop"),
    (
        r">>> \w+\(.*\b(list|UniTuple|Tuple)\(",
        "make an array of the numbers first: np.max(np.array([x, y])) in place of np.max([x, y])",
    ),
    (
        r"function (sum|mean|max|min|amax|amin|prod|any|all|argmax|argmin|std|var|reduce|_reduction\S*)\b",
        "compute along an axis in loops: for j in range(table.shape[0]): total += table[j, k] in place of np.sum(table, axis=0)[k]",
    ),
    (
        r"built-in function (getitem|setitem)>",
        "tables are indexed by whole numbers and slices: for a condition, np.where(table > 0.0, table, 0.0), or a loop with if",
    ),
    (
        r"built-in function (gt|lt|ge|le|eq|ne|and_|or_|xor|invert)>",
        "compare one entry at a time: start found at False; for j in range(len(table)): if table[j] > 0.0: found = True",
    ),
    (
        r"built-in function (i?mul|i?add|i?sub|i?truediv|i?pow|i?floordiv|i?mod)>|ufunc '",
        "compute one entry at a time: for j in range(len(table)): use table[j] * other[j] in place of table * other",
    ),
)
"""The same for kinds of functions and operators, by what the first line of the reason says."""

GLOBAL_MEMORY = "an array of the module cannot be changed; remember things in the state that start returns"

HINTS = (
    (
        r"Use of unsupported opcode.*(WITH|ASYNC|YIELD|IMPORT)",
        "write plain arithmetic, if, for and while; import at the top",
    ),
    (r"(?i)cannot determine Numba type of <class 'dict'>", "a dict cannot be compiled; use a tuple or a table"),
    (
        r"(?i)Cannot determine Numba type of <class '([^']*)'>",
        "numbers, tuples, NumPy arrays and functions can be used",
    ),
    (r"(?i)cannot unify", "one name has values of different types; give each its own name, and start sums at 0.0"),
    (r"(?i)unsupported|not supported", "write it with plain loops and arithmetic over preference, tables and numbers"),
    (
        r"(?i)Undecided type|Failed to infer|not defined before",
        "give every name a value on every path before it is used",
    ),
)


@contextmanager
def compilation(
    learner: Learner, packed: Packed, *, tried: bool = False, free: np.ndarray | None = None
) -> Iterator[None]:
    """Turn errors in compiling or running a learner into a :class:`LearnerError`.

    The learner is first run in plain Python, unless ``tried`` says that this has been done. With the parameters ``free`` of the rows
    of ``packed``, an exception of its methods is looked up in plain Python, to name the line and the trial.
    """
    import numba.core.errors as numba_errors

    try:
        if not tried:
            dry_run(learner, packed)
        yield
    except TrialwiseError:
        raise
    except (OSError, MemoryError):
        raise
    except Exception as error:
        # Numba raises AssertionError, NotImplementedError and others for constructs that it does not support
        if isinstance(error, numba_errors.NumbaError) or _in_numba(error):
            raise _explained(learner, error) from None
        if NEGATIVE_POWER in error.args:  # plain Python does not raise it
            raise LearnerError(f"{learner}: {NEGATIVE_POWER}") from error
        if free is not None:
            run_again(learner, packed, free)
        what = WHAT.get(type(error), f"{type(error).__name__}: {error}")
        raise LearnerError(
            f"{learner}: {what}. Run log_likelihood with the same arguments and plain=True to see the line"
        ) from error


WHAT = {IndexError: "an index lies outside a table or an array", ZeroDivisionError: "division by zero"}
"""What is wrong, by the exception that compiled code raises."""


def _in_numba(error: Exception) -> bool:
    """Whether an exception was raised while compiling: compiled code itself leaves no frames of Numba."""
    import numba

    folder = Path(numba.__file__).parent
    return any(folder in Path(frame.filename).parents for frame in traceback.extract_tb(error.__traceback__))


def _explained(learner: Learner, error: Exception) -> LearnerError:
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    files = {m.__code__.co_filename: m for m in (*learner.methods.values(), *learner.helper_methods.values())}
    location = ""
    for name, line in re.findall(r'File "([^"]+)", line (\d+)', text) + re.findall(r"\(?at (\S+) \((\d+)\)", text):
        file = next((f for f in files if f.endswith(name.lstrip("./")) or name.endswith(f)), None)
        if file:
            location = _method_at(learner, file, int(line))
    reasons = [
        line.strip()
        for line in text.splitlines()
        if line.strip() and not re.match(r"\s*(Failed in|During|File|<source|- |There are|>>>|\^|def )", line)
    ]
    reason = reasons[0] if reasons else text.splitlines()[0]
    general = next((advice for pattern, advice in HINTS if re.search(pattern, text)), HINTS[-2][1])
    signature = next((line.strip() for line in text.splitlines() if line.strip().startswith(">>>")), "")
    found = _replacement(f"{reason} {signature}".strip(), location)
    hint = GLOBAL_MEMORY if re.search(r"setitem[\s\S]*readonly", text) else found or general
    return LearnerError(
        f"{learner} cannot be compiled{': ' + location if location else ''}.\n    {reason}\n    -> {hint}\n"
        "It runs as plain Python: log_likelihood(..., plain=True) and a debugger show its lines."
    )


def _replacement(reason: str, line: str) -> str | None:
    """What to write, by the names in the reason; for a distribution of SciPy, whose function it does not name, by those in the line."""
    names = (
        r"'(\w+)' of type|global name '(\w+)'|function (\w+) at|built-in function (\w+)>|ufunc '(\w+)'|<class '(\w+)'>"
    )
    named = {name for groups in re.findall(names, reason) for name in groups if name}
    if "scipy.stats" in reason:
        named = set(re.findall(r"\bnorm\.(\w+)", line)) or {"cdf"}
    for names_of, advice in REPLACEMENTS.items():
        if named & set(names_of.split()):
            return advice
    return next((advice for pattern, advice in PATTERNS if re.search(pattern, reason)), None)


def _method_at(learner: Learner, file: str, line: int) -> str:
    import linecache

    name = type(learner).__name__
    for method_name, method in {**learner.methods, **learner.helper_methods}.items():
        code = method.__code__
        last_line = max((n for *_, n in code.co_lines() if n), default=code.co_firstlineno)
        if code.co_filename == file and code.co_firstlineno <= line <= last_line:
            return f"{name}.{method_name}, line {line}: {linecache.getline(file, line).strip()}"
    return f"line {line} of {file}: {linecache.getline(file, line).strip()}"


def signal_count(learner: Learner, packed: Packed) -> int:
    """The number of values that ``learn`` and ``watch`` return, determined by running them."""
    return dry_run(learner, packed)


def dry_run(learner: Learner, packed: Packed) -> int:
    """Run the learner's first trials in plain Python, where most mistakes raise ordinary errors; once per learner and layout."""
    return _dry_run_once(learner, _Sample(packed))


class _Sample:
    """Trials for a dry run, hashed by their layout and by the methods that are called on them, so that each kind is run once."""

    def __init__(self, packed: Packed):
        self.packed = packed
        flags = packed.ints[:, FLAGS]
        self.key = (packed.layout, *(bool((flags & bit).any()) for bit in (TEACHES, WATCHES)))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Sample) and self.key == other.key


@lru_cache(maxsize=256)
def _dry_run_once(learner: Learner, sample: _Sample) -> int:
    packed = sample.packed
    flags = packed.ints[:, FLAGS]
    firsts = [int(np.argmax(flags & bit > 0)) for bit in (TEACHES, WATCHES, ACTED)]
    end = int(min(len(packed.ints), max(firsts) + 3, packed.offsets[-1]))
    signal_counts: list[int] = []
    parts = build_parts(learner, packed.layout, PLAIN, tracing=False)

    def keep(signals, t, result):
        if result is not None:
            values = result if isinstance(result, tuple) else (result,)
            for value in values:
                value = value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value  # of np.where
                if not isinstance(value, int | float | np.number | np.bool_):
                    teaching = "learn" if "learn" in learner.methods else "watch"
                    raise LearnerError(
                        f"{type(learner).__name__}.{teaching} returned {value!r}: return the trial's signals, a number or a "
                        "tuple of numbers, or nothing"
                    )
            signal_counts.append(len(values))

    def hide(agent, state, trial, options, before):
        known, unchanged = (before,) if learner.markov else (), numbers_of(state)
        fill(learner, "hide", options, "option", agent, state, trial, *known, also=f". {hidden_field(learner)}")
        _check_unchanged(learner, "hide", unchanged, state)

    def act(agent, state, trial, hidden, preference, last):
        answers = []
        for family in learner.responses.values():
            unchanged = numbers_of(state) if learner.hides else None
            answers.append(family.try_method(learner, agent, state, trial, preference))
            if unchanged is not None:
                _check_unchanged(learner, family.method, unchanged, state)
        nested = answers[-1]
        for answer in reversed(answers[:-1]):
            nested = (answer, nested)
        return nested

    loop = build_replay(parts._replace(hide=parts.hide and hide, act=act, keep=keep))
    task = Task(dict(zip(packed.names, (int(size) for size in packed.sizes), strict=True)))
    try:
        with np.errstate(all="ignore"):
            loop(
                participant_of(learner, packed, middle_row(learner)),
                task,
                plain_preference(packed),
                plain_options(packed),
                packed.observed,
                packed.ints,
                packed.reals,
                0,
                end,
                None,
                None,
            )
    except TrialwiseError:
        raise
    except Exception as error:
        raise raised(learner, error) from error
    if signal_counts and len(set(signal_counts)) > 1:
        teaching = " and ".join(name for name in ("learn", "watch") if name in learner.methods)
        raise LearnerError(
            f"{type(learner).__name__}: {teaching} returned different numbers of signals, "
            f"{' and '.join(map(str, sorted(set(signal_counts))))}: always return the same number"
        )
    return signal_counts[0] if signal_counts else 0


def _check_unchanged(learner: Learner, method: str, before: np.ndarray, state: object) -> None:
    """Refuse a method of a learner with a hidden choice that changes the state although it is called for each hidden option in turn."""
    if not np.array_equal(before, numbers_of(state), equal_nan=True):
        raise LearnerError(
            f"{type(learner).__name__}.{method} changes the state. It is called for every hidden option, also for those that were not chosen, and may "
            "only read the state: changes by what is shown belong in see, changes after a choice in act or learn"
        )


def run_again(learner: Learner, packed: Packed, free: np.ndarray) -> None:
    """Run trials in plain Python, after a run failed on them or gave NaN, to raise an error that names the line and the trial: an
    exception of the learner's methods, or an entry of ``preference`` that they leave empty.

    ``free`` has the rows of parameters that ``packed.rows`` names. Of hidden choices, which are not known, each option is tried on all
    trials. Nothing happens if no error is found.
    """
    parts = build_parts(learner, packed.layout, PLAIN, tracing=False)
    now, row = [0], parts.row

    def noted_row(ints, reals, t):
        now[0] = t
        return row(ints, reals, t)

    def fills(method: str, entry: str, size: int, wanted, *arguments) -> None:
        left = unfilled(learner, method, size, *arguments) & np.asarray(wanted, bool)
        if left.any():
            raise LearnerError(
                f"{type(learner).__name__}.{method} leaves preference[{np.flatnonzero(left)[0]}] empty: {packed.place(now[0])}. Write "
                f"preference[{entry}] = ... for {entry} in range(len(preference)), on every trial"
            )

    def hide(agent, state, trial, options, before):
        fills("hide", "option", packed.options, True, agent, state, trial, *((before,) if learner.markov else ()))
        parts.hide(agent, state, trial, options, before)

    def act(agent, state, trial, hidden, preference, last):
        if "choose" in learner.methods and packed.ints[now[0], FLAGS] & SCORED:
            wanted = trial.available if packed.masked else True
            for known in ((k,) for k in range(learner.options)) if learner.hides else ((),):
                fills("choose", "action", packed.actions, wanted, agent, state, trial, *known)
        return parts.act(agent, state, trial, hidden, preference, last)

    for option in range(learner.options):
        loop = build_replay(
            parts._replace(
                row=noted_row,
                hide=parts.hide and hide,
                act=act,
                given_hidden=lambda ints, t, option=option: option,
                score=lambda agent, answer, available, responses, flags: (0.0, 1.0),
            )
        )
        for segment, parameters in enumerate(packed.rows):
            try:
                with np.errstate(all="ignore"):
                    loop(
                        participant_of(learner, packed, free[parameters]),
                        Task(dict(zip(packed.names, (int(size) for size in packed.sizes), strict=True))),
                        plain_preference(packed),
                        plain_options(packed),
                        packed.observed,
                        packed.ints,
                        packed.reals,
                        packed.offsets[segment],
                        packed.offsets[segment + 1],
                        None,
                        None,
                    )
            except TrialwiseError:
                raise
            except Exception as error:
                raise raised(learner, error, packed.place(now[0])) from error


def check_filled(learner: Learner, packed: Packed, free: np.ndarray, likelihood: np.ndarray) -> None:
    """If the log-likelihood of a segment, ``(segments,)``, is NaN, look for an entry that the learner left empty: :func:`run_again`.

    Raises
    ------
    LearnerError
        If one is found, or if a method raises; other reasons for NaN raise nothing.
    """
    if not np.isnan(likelihood).any():
        return
    first = int(np.flatnonzero(np.isnan(likelihood))[0])
    run_again(learner, packed.only(first), free[packed.rows[first]][None])


def check_record(learner: Learner, packed: Packed, free: np.ndarray, record: np.ndarray) -> None:
    """As :func:`check_filled`, from a record of trials: looks at the participant of the first scored trial that is NaN."""
    if not np.isnan(record[:, 0].sum()):  # the usual case, and quick
        return
    wrong = np.isnan(record[:, 0]) & packed.scored
    if wrong.any():
        n = int(np.searchsorted(packed.offsets, np.argmax(wrong), side="right")) - 1
        run_again(learner, packed.only(n), free[packed.rows[n]][None])
