"""Loading a fit from the file that :meth:`Fit.save` wrote, with a check that it is whole."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialwise.base.errors import DataError, Problem, TrialwiseError, UsageError
from trialwise.base.expects import MAPPING, NONE, PATH, expects, instance
from trialwise.base.files import refuse_mixed
from trialwise.base.seal import is_broken
from trialwise.data.stored import trials_from_datasets
from trialwise.inference.fitted import Fit, digest
from trialwise.inference.stored_sizes import fault_of
from trialwise.learners.stored import check_same, fields_from_attributes, learner_from_attributes
from trialwise.population.designs.priors_of_differences import with_differences
from trialwise.population.designs.stored import design_from_json
from trialwise.population.priors import spelled_out
from trialwise.population.stored import from_plain

if TYPE_CHECKING:
    import xarray as xr

    from trialwise.data.trials import Trials

ATTRIBUTES = {
    "learner_name", "learner", "learner_restrictions", "parameters", "call", "pooling", "priors", "notes", "seed", "seconds", "sampler",
    "peak_memory_mb", "contents", "created", "prior_numbers", "python_version", "trialwise_version",
}  # fmt: skip
"""Attributes that every fit has and that summaries, reports and diagnoses read."""


@expects(path=PATH, learner=instance("a class", type) | NONE, priors=MAPPING | NONE)
def load(path: str | PathLike[str], learner: type | None = None, priors: Mapping[str, Any] | None = None) -> Fit:
    """Load a fit that :meth:`Fit.save` wrote.

    Summaries and plots need only the file. ``trial_values`` and ``model`` need the learner: built-in learners are found by name,
    for others pass the class, ``learner=MyLearner``. ``model`` also needs the user's priors, if any of them was not a
    scalar distribution of PyMC with constant parameters, since the file stores only the text of others. Nothing in the file is executed.

    Parameters
    ----------
    path
        Path of the file.
    learner
        The class of the learner that was fitted, if it is not built in.
    priors
        The priors that were passed to :func:`fit`, as they were passed.

    Returns
    -------
    Fit
        The fit, with its trials.

    Raises
    ------
    DataError
        If there is no such file, it is a folder, does not contain a fit or unpacks to more than the limit, or it stands among files of two runs, since a command was interrupted.
    UsageError
        If ``learner`` is not the fitted one, or ``priors`` are for other parameters than those of the fit.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> fit.save("fit.nc")
    >>> loaded = tw.load("fit.nc")
    >>> bool((loaded.draws["alpha"] == fit.draws["alpha"]).all())
    True
    """
    file_name = fspath(path)
    try:
        there = Path(file_name).is_file()
        broken = there and is_broken(Path(file_name))
    except OSError as error:  # it may not be read, or a network folder went away
        raise _no_fit(file_name, f"it cannot be read: {error.strerror or error}") from None
    if not there and Path(file_name).is_dir():
        inside = Path(file_name) / "fit.nc"
        remedy = f"write {str(inside)!r}" if inside.is_file() else "name a file in it that fit(...).save(...) wrote"
        raise _no_fit(file_name, "is a folder, not the file of a fit", remedy)
    if not there:
        raise _no_fit(file_name, "no such file")
    refuse_mixed(Path(file_name))
    if broken:
        raise _no_fit(file_name, "it was damaged or changed after it was written; copy it again, or fit again")
    with _nothing_printed_by_destructors():
        if (reason := fault_of(Path(file_name))) is not None:
            raise _no_fit(file_name, reason)
        try:
            tree, trials = _read(file_name)
            attributes = {str(name): value for name, value in tree.attrs.items()}
            stored, numbers = (dict(json.loads(attributes[name])) for name in ("priors", "prior_numbers"))
            restored = from_plain(numbers)
        except Exception as error:  # a damaged file can fail anywhere in the libraries that read it
            reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    if reason is not None:
        raise _no_fit(file_name, f"it cannot be read: {reason}")
    if learner is not None and learner.__name__ != attributes["learner_name"]:
        raise UsageError(f"the file contains a fit of {attributes['learner_name']}, not of {learner.__name__}")
    if priors is not None:
        text = attributes.get("design")
        design = None if text is None else design_from_json(str(text))
        priors = with_differences(priors, *((None, None) if design is None else (design.models, design.design)))
        priors = priors if design is None else spelled_out(priors, design.design)
    if priors is not None and set(priors) != set(stored):
        raise UsageError(
            f"the fit used priors for {', '.join(stored) or 'no parameter'}, but load received priors for {', '.join(priors) or 'none'}"
        )
    if priors is None:
        priors = restored if set(restored) == set(stored) else None
    try:
        fitted = learner_from_attributes(attributes, learner)
    except TrialwiseError:
        raise
    except Exception as error:
        raise _no_fit(file_name, f"its learner cannot be read: {type(error).__name__}: {error}") from None
    if fitted is not None:
        check_same(fitted, attributes)
    return Fit(tree, fitted, trials, priors)


def _no_fit(file_name: str, message: str, remedy: str = "pass a file that fit(...).save(...) wrote") -> DataError:
    return DataError([Problem("no-fit", file_name, message, remedy)])


@contextmanager
def _nothing_printed_by_destructors() -> Iterator[None]:
    """Files that a library opened halfway print tracebacks when they are collected."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        yield
    finally:
        sys.unraisablehook = hook


def _read(file_name: str) -> tuple[xr.DataTree, Trials]:
    """The contents of a file; raises any exception if they are not those of a fit, whole and consistent."""
    import xarray as xr

    with xr.open_datatree(file_name, engine="h5netcdf") as opened:
        tree = opened.load()
    if "learner_name" not in tree.attrs:
        raise ValueError("not a fit of trialwise")
    if lacking := sorted(ATTRIBUTES - {*map(str, tree.attrs)}):
        version = tree.attrs.get("trialwise_version", "of another version")
        raise ValueError(f"trialwise {version} wrote it without {', '.join(lacking)}; fit again")
    if tree.attrs["contents"] != digest(tree):
        raise ValueError("its contents have changed since they were written")
    if {*json.loads(tree.attrs["parameters"])} - {*tree["posterior"].data_vars}:
        raise ValueError("its parameters are not those of its draws")
    fields_from_attributes({str(name): value for name, value in tree.attrs.items()})
    trials = trials_from_datasets(tree["observed_data"].to_dataset(), tree["constant_data"].to_dataset())
    return tree, trials
