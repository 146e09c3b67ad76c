"""The subject of a report: a fit with its checks and studies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.check import Check
from trialwise.analysis.comparison.same_trials import made_for_formulas
from trialwise.analysis.contrasts import Contrasts, main_contrasts
from trialwise.analysis.diagnose import Diagnosis, diagnose
from trialwise.base.english import listed
from trialwise.inference.fitted import Fit
from trialwise.inference.sampler import Sampler
from trialwise.inference.samplers import sampler_of
from trialwise.learners.parameters import Parameter, Setting
from trialwise.learners.responses import families_in, family_named
from trialwise.learners.responses.family import ResponseFamily
from trialwise.learners.stored import docstring_from_attributes, fields_from_attributes, methods_from_attributes
from trialwise.population.implied import implied_notes
from trialwise.population.names import GroupNames, names_of_design
from trialwise.population.population import Population, population_of
from trialwise.population.priors import GroupPrior
from trialwise.studies.recovery import Recovery

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Subject:
    """A fit with its name in the report, and the results that belong to it.

    The learner itself is not required: its description is stored in the attributes of the fit.

    Attributes
    ----------
    label
        Name of the fit: given by the caller, or the learner with its restrictions.
    check, truth, study
        Optional: the result of :func:`trialwise.check`; the true parameters of simulated participants; the result of a recovery
        study of the learner.
    """

    label: str
    fit: Fit
    check: Check | None = None
    truth: pd.DataFrame | None = field(default=None, repr=False)
    study: Recovery | None = None

    @cached_property
    def fields(self) -> dict[str, Parameter | Setting]:
        """Declared parameters and settings by name, including those of wrappers; empty if neither learner nor file contains them."""
        learner = self.fit.learner
        if learner is not None:
            return {**learner.fields, **{each.name: each for each in (*learner.wrappers, *learner.parameters)}}
        return fields_from_attributes(self.fit.attrs)

    @cached_property
    def docstring(self) -> str:
        """The docstring of the learner's class; may be empty."""
        learner = self.fit.learner
        return (type(learner).__doc__ or "") if learner is not None else docstring_from_attributes(self.fit.attrs)

    @cached_property
    def methods(self) -> frozenset[str]:
        """Names of the learner's methods; without the learner, those in the stored text of its class."""
        learner = self.fit.learner
        return frozenset(learner.methods) if learner is not None else methods_from_attributes(self.fit.attrs)

    @cached_property
    def restrictions(self) -> dict[str, Any]:
        """``settings``, ``fixed``, ``tied`` and ``wrappers`` of the learner."""
        restrictions: dict[str, Any] = json.loads(self.fit.attrs["learner_restrictions"])
        return restrictions

    @cached_property
    def parameters(self) -> list[Parameter]:
        """The free parameters in the order of the posterior, without those of which only the name is stored."""
        candidates = {name: self.fields.get(self.base(name)) for name in self.fit.parameters}
        return [replace(each, name=name) for name, each in candidates.items() if isinstance(each, Parameter)]

    def base(self, name: str) -> str:
        """The parameter of the learner that a free parameter belongs to: itself, unless it is its value in a condition."""
        stored = self.fit.design
        return name if stored is None else stored.design.columns[self.fit.parameters.index(name)].parameter

    def by_participant(self, of_rows: np.ndarray) -> np.ndarray:
        """Sums over the rows of parameters of each participant, such as sessions, ``(participants,)``, of ``of_rows (rows,)``."""
        stored = self.fit.design
        return of_rows if stored is None else stored.design.by_participant(of_rows)

    @property
    def participants(self) -> int:
        """Number of participants, of whom each may have several rows of parameters."""
        return self.fit.data.n_participants

    @property
    def labels(self) -> tuple[list[str], list[list[str]]]:
        """What rows of parameters are called: headings, and their cells for each row: the participant and, if there are several, the session."""
        table = self.fit.rows.labelled()
        return list(map(str, table)), table.astype(str).to_numpy().tolist()

    @property
    def family(self) -> ResponseFamily:
        """The family of the responses: that of the learner or, if it is not available, the one that was stored, or the first in the data."""
        if self.fit.learner is not None:
            return self.fit.learner.family
        stored = json.loads(self.fit.attrs.get("learner_responses", "{}"))
        families = [family_named(name) for name in stored.values()]
        return next((family for family in families if family is not None), None) or families_in(self.fit.trials)[0]

    @property
    def sampler(self) -> Sampler:
        """The sampler of the posterior."""
        return sampler_of(self.fit.attrs)

    @property
    def learner_name(self) -> str:
        """The learner's own name, with what was added to it: ``QLearning with lapse``. The label is that of the fit."""
        added = self.restrictions["wrappers"]
        return str(self.fit.attrs["learner_name"]) + (f" with {listed(added)}" if added else "")

    @property
    def grouped(self) -> bool:
        """Whether the model is hierarchical."""
        return self.fit.draws.grouped

    @property
    def user_priors(self) -> dict[str, str]:
        """Text of the priors specified by the user, by parameter name."""
        priors: dict[str, str] = json.loads(self.fit.attrs["priors"])
        return priors

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """Diagnostics of the fit."""
        return diagnose(self.fit)

    @cached_property
    def contrasts(self) -> list[Contrasts]:
        """The differences and slopes that the formulas of the fit ask for; none without formulas or without the learner."""
        return [] if self.fit.learner is None else main_contrasts(self.fit)

    @cached_property
    def implied(self) -> list[str]:
        """What the prior of a design says before the data; none if the parameters are not known."""
        population, stored = self.population, self.fit.design
        return [] if population is None or stored is None else implied_notes(population, stored.models)

    @property
    def assessment(self) -> tuple[str, str, str]:
        """Whether the draws can be relied on: tone, summary and full text of a :class:`~trialwise.reports.blocks.Verdict`.

        Cautions about the data are findings of their own: draws may be right although the data say little.
        """
        verdict = self.diagnosis.verdict
        if self.diagnosis.cautions:
            verdict = verdict.partition(" About the data: ")[0]
        brief, _, words = verdict.partition(". ")
        return ("bad" if self.diagnosis.problems else "good"), brief, words

    @cached_property
    def population(self) -> Population | None:
        """The population, with Normal and HalfNormal priors of the user if available; None if the parameters are not known."""
        if len(self.parameters) < len(self.fit.parameters):
            return None
        design = None if self.fit.design is None else self.fit.design.design
        parameters = self.fit.learner or self.parameters
        return population_of(parameters, self.fit.trials, self.fit.priors, self.fit.pooling, design)

    @property
    def variables(self) -> GroupNames:
        """Names of the group's coefficients, spreads and correlations, of a fit with a design."""
        assert self.fit.design is not None
        return names_of_design(self.fit.design.design)

    @property
    def prior(self) -> GroupPrior | None:
        """The prior, including Normal and HalfNormal priors of the user if available; None if the parameters are not known."""
        return None if self.population is None else self.population.prior

    def has_prior(self, name: str) -> bool:
        """Whether :attr:`prior` contains the prior of a name such as ``alpha_mu`` (``alpha`` without a group)."""
        if self.population is None:
            return False
        general = {name, name.split("[")[0]}  # alpha_effects is the prior of all alpha_effects[...]
        return name not in self.population.unusual and not general & (
            set(self.user_priors) - set(self.population.priors)
        )

    @property
    def priors_by_name(self) -> dict[str, str]:
        """The prior of each coefficient, spread and correlation of a fit with a design as text; empty if the parameters are not known."""
        population = self.population
        if population is None:
            return {}
        prior, (coefficients, spreads, pairs) = population.prior, population.variables
        texts = {
            name: f"Normal({mean:.3g}, {width:.3g})"
            for name, mean, width in zip(coefficients, prior.mean, prior.width, strict=True)
        }
        texts |= {name: f"HalfNormal({spread:.3g})" for name, spread in zip(spreads, prior.spread, strict=True)}
        own = {name: self.user_priors.get(name, self.user_priors.get(name.split("[")[0], "")) for name in texts}
        texts |= {name: text for name, text in own.items() if text and not self.has_prior(name)}
        blocks = zip(population.terms.blocks, population.lkj_shapes, strict=True)
        shapes = [shape for block, shape in blocks for _ in range(len(block) * (len(block) - 1) // 2)]
        return texts | {name: f"LKJ({shape:g})" for name, shape in zip(pairs, shapes, strict=True)}

    def median_prior(self, name: str) -> tuple[float, float] | None:
        """Mean and standard deviation, on the unconstrained scale, of the prior of the group's median of a parameter; None if it has
        another form, or none."""
        population = self.population
        if population is None or name not in population.weights:
            return None
        weights = population.weights[name]
        used = [each for each, weight in zip(population.variables.coefficients, weights, strict=True) if weight]
        if not all(map(self.has_prior, used)):
            return None
        return float(weights @ population.prior.mean), float(np.sqrt(weights**2 @ population.prior.width**2))


def same_learner(subjects: list[Subject]) -> list[list[Subject]]:
    """Group the subjects by their learner with its restrictions, in order."""
    names = ("learner_name", "learner_restrictions", "learner_source", "parameters")
    groups: dict[tuple[str, ...], list[Subject]] = {}
    for subject in subjects:
        key = tuple(str(subject.fit.attrs.get(name, "")) for name in names)
        groups.setdefault(key, []).append(subject)
    return list(groups.values())


def same_data(subjects: Mapping[str, Subject] | list[Subject]) -> list[list[Subject]]:
    """Group the subjects by their data, in order."""
    groups: list[list[Subject]] = []
    for subject in subjects if isinstance(subjects, list) else subjects.values():
        for group in groups:
            if _same(group[0].fit, subject.fit):
                group.append(subject)
                break
        else:
            groups.append([subject])
    return groups


def _same(a: Fit, b: Fit) -> bool:
    """Whether two fits are based on the same participants, choices and outcomes."""
    if a.data is b.data:
        return True
    one, other = (_without_made(each.data.to_frame()) for each in (a, b))
    one["participant"], other["participant"] = one["participant"].astype(str), other["participant"].astype(str)
    return bool(one.equals(other))


def _without_made(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of the data, without those that a fit made of them for its formulas."""
    return table[[name for name in table if not made_for_formulas(str(name))]]
