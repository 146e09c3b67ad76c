"""A design in a form that is stored with a fit: its matrices, and what its coefficients mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from trialwise.population.design import Column, Design, Term
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
    """

    design: Design
    models: Mapping[str, ParameterModel]
    formulas: Mapping[str, str]
    participants: tuple[str, ...]

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
                "average": None if d.average is None else d.average.tolist(),
                "models": {name: model.to_plain() for name, model in self.models.items()},
                "formulas": dict(self.formulas),
                "participants": self.participants,
            }
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
    )
    models = {name: ParameterModel.from_plain(each) for name, each in plain["models"].items()}
    return StoredDesign(design, models, plain["formulas"], tuple(plain["participants"]))
