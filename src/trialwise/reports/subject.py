"""One fit and all that a report says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trialwise.analysis.check import Check
from trialwise.analysis.diagnose import Diagnosis, diagnose
from trialwise.inference.fitted import Fit
from trialwise.inference.sampler import Sampler
from trialwise.inference.samplers import SAMPLERS
from trialwise.learners.parameters import Parameter, Setting
from trialwise.learners.responses import families_in
from trialwise.learners.responses.family import ResponseFamily
from trialwise.learners.stored import docstring_from_attributes, fields_from_attributes
from trialwise.population.population import population_of
from trialwise.population.priors import GroupPrior
from trialwise.studies.recover import Recovery

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Subject:
    """A fit with its name in the report, and what else is known of it.

    The learner itself need not be at hand: what it consists of is in the attributes of the fit.

    Attributes
    ----------
    label
        Its name: what the caller called it, or the learner with its restrictions.
    check, truth, study
        Where they are given: what :func:`trialwise.check` found; the true parameters of simulated participants; what a recovery
        study of the learner found.
    """

    label: str
    fit: Fit
    check: Check | None = None
    truth: pd.DataFrame | None = field(default=None, repr=False)
    study: Recovery | None = None

    @cached_property
    def fields(self) -> dict[str, Parameter | Setting]:
        """Declared parameters and settings by name, wrappers' included; empty where neither learner nor file tells them."""
        learner = self.fit.learner
        if learner is not None:
            return {**learner.fields, **{parameter.name: parameter for parameter in learner.wrappers}}
        return fields_from_attributes(self.fit.attrs)

    @cached_property
    def docstring(self) -> str:
        learner = self.fit.learner
        return (type(learner).__doc__ or "") if learner is not None else docstring_from_attributes(self.fit.attrs)

    @cached_property
    def restrictions(self) -> dict[str, Any]:
        """``settings``, ``fixed``, ``tied`` and ``wrappers`` of the learner."""
        found: dict[str, Any] = json.loads(self.fit.attrs["learner_restrictions"])
        return found

    @cached_property
    def parameters(self) -> list[Parameter]:
        """The free ones, in the order of the posterior; those of which nothing but the name is known are left out."""
        found = (self.fields.get(name) for name in self.fit.parameters)
        return [each for each in found if isinstance(each, Parameter)]

    @property
    def family(self) -> ResponseFamily:
        """The family of the responses: the learner's or, where it is not at hand, the first that the data hold."""
        learner = self.fit.learner
        return families_in(self.fit.trials)[0] if learner is None else learner.family

    @property
    def sampler(self) -> Sampler:
        """How the posterior was sampled."""
        return SAMPLERS[str(self.fit.attrs["sampler"])]

    @property
    def grouped(self) -> bool:
        """Whether participants come from a group."""
        return self.fit.draws.grouped

    @property
    def given_priors(self) -> dict[str, str]:
        """Priors of the user's own, in words."""
        found: dict[str, str] = json.loads(self.fit.attrs["priors"])
        return found

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """All that tells whether it can be believed."""
        return diagnose(self.fit)

    @property
    def judged(self) -> tuple[str, str, str]:
        """Whether it can be believed: tone, in brief, in words; see :class:`~trialwise.reports.blocks.Verdict`."""
        brief, _, words = self.diagnosis.verdict.partition(". ")
        tone = "bad" if self.diagnosis.problems else "careful" if self.diagnosis.cautions else "good"
        return tone, brief, words

    @cached_property
    def _told(self) -> tuple[GroupPrior, set[str]] | None:
        if len(self.parameters) < len(self.fit.parameters):
            return None
        parameters = self.fit.learner or self.parameters
        population = population_of(parameters, self.fit.trials, self.fit.priors, self.fit.pooling)
        return population.prior, set(population.unusual) | (set(self.given_priors) - set(population.priors))

    @property
    def prior(self) -> GroupPrior | None:
        """The prior, the user's own in it as far as they are Normal and HalfNormal and at hand; None if the parameters are not known."""
        return self._told and self._told[0]

    def knows_prior(self, name: str) -> bool:
        """Whether :attr:`prior` tells that of a name such as ``alpha_mu`` (``alpha`` without a group)."""
        return self._told is not None and name not in self._told[1]


def same_data(subjects: Mapping[str, Subject] | list[Subject]) -> list[list[Subject]]:
    """The subjects grouped by their data, in order."""
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
    """Whether two fits saw the same participants, choices and outcomes."""
    if a.trials is b.trials:
        return True
    one, other = a.trials.to_frame(), b.trials.to_frame()
    one["participant"], other["participant"] = one["participant"].astype(str), other["participant"].astype(str)
    return bool(one.equals(other))
