"""A design in a form that is stored with a fit: its matrices, and what its coefficients mean."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np

from trialwise.data.by_rows import ByRows, Rows
from trialwise.data.trials import Trials
from trialwise.population.design import Column, Design, Term
from trialwise.population.designs.kept import KeptCovariate
from trialwise.population.designs.parameter_model import ParameterModel


@dataclass(frozen=True, eq=False)
class StoredDesign:
    """The design of a fit.

    Attributes
    ----------
    design
        The matrices.
    models
        How each parameter's mean depends on covariates.
    formulas
        The formulas as they were written.
    participants
        Labels of the participants, of whom each may have several rows of parameters.
    runs
        The row of each trial as the data were read, in runs: ``((row, trials), ...)``.
    covariates
        The covariates of the formulas that are constant within participants or rows.
    """

    design: Design
    models: Mapping[str, ParameterModel]
    formulas: Mapping[str, str]
    participants: tuple[Hashable, ...]
    runs: tuple[tuple[int, int], ...]
    covariates: tuple[KeptCovariate, ...] = ()

    @property
    def by_session(self) -> bool:
        """Whether some participant has several rows of parameters."""
        return self.design.rows > len(self.participants)

    @cached_property
    def row_of_trial(self) -> np.ndarray:
        """The row of each trial as the data were read, ``int64 (trials,)``."""
        return np.repeat(*np.array(self.runs, np.int64).T)

    @cached_property
    def rows(self) -> Rows:
        """The rows of parameters, such as sessions, of each participant, without their trials."""
        columns = {each.name: each.values for each in self.covariates if each.place == "row"}
        return Rows(self.participants, self.design.owner, columns, np.argsort(self.row_of_trial, kind="stable"))

    def of_rows(self, rows: Trials) -> ByRows:
        """Trials of rows of parameters, with the trials of participants as they were read, and the way back to them."""
        return ByRows(rows, self.design.owner, np.argsort(self.row_of_trial, kind="stable"), self.rows.joined(rows))

    def without(self, participant: int) -> StoredDesign:
        """The same without one participant: what coded and standardised the others' covariates stays as it is.

        Parameters
        ----------
        participant
            Number of the participant.
        """
        d = self.design
        rows = np.flatnonzero(d.owner != participant)
        people = [n for n in range(len(self.participants)) if n != participant]
        design = replace(
            d,
            owner=d.owner[rows] - (d.owner[rows] > participant),
            fixed=d.fixed[rows],
            random=d.random[rows],
            labels=tuple(d.labels[int(r)] for r in rows) if len(d.labels) else (),
            seen=None if d.seen is None else d.seen[rows],
        )
        row_of_trial = self.row_of_trial[np.isin(self.row_of_trial, rows)]
        kept = {"participant": people, "row": [int(r) for r in rows]}
        return StoredDesign(
            design,
            self.models,
            self.formulas,
            tuple(self.participants[n] for n in people),
            runs_of_rows(np.searchsorted(rows, row_of_trial)),
            tuple(each.at(kept[each.place]) for each in self.covariates),
        )

    def to_json(self) -> str:
        """As a text, whose inverse is :func:`design_from_json`; numbers are exact."""
        d = self.design
        return json.dumps(
            {
                "columns": [asdict(column) for column in d.columns],
                "coefficients": [asdict(term) for term in d.coefficients],
                "effects": [asdict(term) for term in d.effects],
                "owner": d.owner.tolist(),
                "fixed": d.fixed.tolist(),
                "random": d.random.tolist(),
                "labels": [str(label) for label in d.labels],
                "blocks": d.blocks,
                "seen": None if d.seen is None else d.seen.astype(int).tolist(),
                "average": None if d.average is None else d.average.tolist(),
                "models": {name: model.to_plain() for name, model in self.models.items()},
                "formulas": dict(self.formulas),
                "participants": self.participants,
                "runs": self.runs,
                "covariates": [asdict(each) for each in self.covariates],
            },
            default=_plain,
        )


def design_from_json(text: str) -> StoredDesign:
    """The design that :meth:`StoredDesign.to_json` described.

    Raises
    ------
    ValueError
        If the text describes none.
    """
    plain = json.loads(text)
    columns, terms = [Column(**each) for each in plain["columns"]], {}
    for kind in ("coefficients", "effects"):
        terms[kind] = tuple(Term(**each) for each in plain[kind])
    owner, rows = np.array(plain["owner"], int), len(plain["owner"])
    design = Design(
        tuple(columns),
        terms["coefficients"],
        terms["effects"],
        owner,
        np.array(plain["fixed"], float).reshape(rows, len(columns), len(terms["coefficients"])),
        np.array(plain["random"], float).reshape(rows, len(columns), len(terms["effects"])),
        tuple(plain["labels"]),
        tuple(tuple(block) for block in plain["blocks"]),
        None if plain["average"] is None else np.array(plain["average"], float),
        None if plain.get("seen") is None else np.array(plain["seen"], bool).reshape(rows, len(columns)),
    )
    models = {name: ParameterModel.from_plain(each) for name, each in plain["models"].items()}
    runs = tuple((int(row), int(trials)) for row, trials in plain["runs"])
    covariates = tuple(map(KeptCovariate.from_plain, plain["covariates"]))
    return StoredDesign(design, models, plain["formulas"], tuple(plain["participants"]), runs, covariates)


def runs_of_rows(row_of_trial: np.ndarray) -> tuple[tuple[int, int], ...]:
    """The row of each trial, in runs of trials of the same row."""
    starts = np.flatnonzero(np.diff(row_of_trial, prepend=-1))
    lengths = np.diff([*starts, len(row_of_trial)])
    return tuple((int(row_of_trial[start]), int(length)) for start, length in zip(starts, lengths, strict=True))


def _plain(value: object) -> object:
    """Numbers of NumPy as numbers of Python; other labels as text."""
    return value.item() if isinstance(value, np.generic) else str(value)
