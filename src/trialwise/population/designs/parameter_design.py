"""The part of a design that one parameter has: its columns of numbers on each row and slot, for the group and for participants."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trialwise.base.english import counted, listed
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import quote_list
from trialwise.data.reading.validate import Problems
from trialwise.data.trials import Trials
from trialwise.population.designs.calls import LEFT_ALONE
from trialwise.population.designs.coding import CallCode, Code, Coding, FactorCode, NumberCode, coding_of, factor_code
from trialwise.population.designs.covariates import Covariate, Covariates, Kind
from trialwise.population.designs.formula import PARTICIPANT, Atom, Formula, Part, quoted_name
from trialwise.population.designs.runs import Rows, Scope, Slope, Slots, first_of, slope_of, slots_of

BETWEEN, WITHIN = "[between]", "[within]"
"""Suffixes of the parts of a number that changes within participants: means of participants, and deviations from them."""

PARTICIPANTS_PER_COEFFICIENT = 10
"""Fewer are noted."""

BETWEEN_TO_NOTE, CHANCE = 0.05, 3.0
"""Share of the variance of a number of the trials that is between participants, from which it is noted; and how many times that which is
expected of trials drawn at random it has to be."""

_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class ParameterDesign:
    """The columns of one parameter.

    Attributes
    ----------
    common, own
        The coding of what participants share, and of the effects of each.
    fixed, random
        Their columns, ``(rows, slots, coefficients)`` and ``(rows, slots, effects)``.
    slots
        The slots, None if the parameter has one value on each row.
    slope
        The slope on a number that changes within runs, which has the second slot; None without one.
    """

    common: Coding
    own: Coding
    fixed: np.ndarray
    random: np.ndarray
    slots: Slots | None
    slope: Slope | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of its slots; empty for one value on each row."""
        if self.slope is not None:
            return "", f":{self.slope.name}"
        return ("",) if self.slots is None else self.slots.labels


@dataclass(frozen=True, eq=False)
class Arrangement:
    """What the parameters' columns are computed from.

    Attributes
    ----------
    trials
        The trials.
    covariates
        The columns of formulas.
    scopes
        Where each changes.
    rows
        The rows of parameters.
    runs
        The run of each trial, ``int (trials,)``.
    """

    trials: Trials
    covariates: Covariates
    scopes: Mapping[tuple[str, Kind], Scope]
    rows: Rows
    runs: np.ndarray

    def of_participants(self, covariate: Covariate) -> np.ndarray:
        """Values that are constant within participants, ``(participants,)``."""
        return covariate.values[self.trials.offsets[:-1]] if covariate.of_trials else covariate.values

    def of_runs(self, covariate: Covariate) -> tuple[np.ndarray, np.ndarray]:
        """Values that are constant within runs, ``(runs,)``, and the participant of each run."""
        first = first_of(self.runs)
        return covariate.values[first], self.trials.participant_index[first]

    def of_rows(self, covariate: Covariate) -> np.ndarray:
        """Values that are constant on rows, ``(rows,)``."""
        return covariate.values[self.rows.first if covariate.of_trials else self.rows.owner]


def parameter_design(
    formula: Formula, arrangement: Arrangement, random: str, problems: Problems, notes: list[str]
) -> ParameterDesign | None:
    """Code the formula of a parameter; None with a problem noted."""
    found = len(problems.entries)
    builder = _Builder(formula, arrangement, problems, notes)
    builder.code_atoms()
    if len(problems.entries) > found:
        return None
    codes = builder.codes
    common = coding_of(codes, formula.common.intercept, builder.products(formula.common))
    own = coding_of(codes, *builder.own(random))
    rows, count = len(arrangement.rows.owner), builder.count
    fixed = builder.matrix(common)
    effects = builder.matrix(own)
    builder.check_means(common, own)
    builder.check_rank(common, fixed)
    builder.check_own(own)
    if len(problems.entries) > found:
        return None
    builder.note_size(common)
    return ParameterDesign(
        common, own, fixed.reshape(rows, count, -1), effects.reshape(rows, count, -1), builder.slots, builder.slope
    )


class _Builder:
    """Codes the columns and calls of one formula."""

    def __init__(self, formula: Formula, arrangement: Arrangement, problems: Problems, notes: list[str]) -> None:
        self.formula, self.at, self.problems, self.notes = formula, arrangement, problems, notes
        self.codes: dict[str, Code] = {}
        self.names: dict[Atom, tuple[str, ...]] = {}
        self.within: set[str] = set()
        self.where = f"formula of {formula.parameter}"
        used = [self._covariate(atom, name) for atom in formula.atoms for name in atom.columns]
        varying = [each for each in used if self._scope(each) == "slot"]
        distinct = list({each.name: each for each in varying}.values())
        self.slots: Slots | None = slots_of(distinct) if distinct else None
        self.slope: Slope | None = self._slope(used)
        self.columns: dict[str, np.ndarray] = {}
        kinds: dict[str, str] = {}
        for each in used:
            if kinds.setdefault(each.name, each.kind) != each.kind:
                self._problem("two-kinds", f"{each.name} is used as a number and as levels", "use one of them")

    # -- columns and calls -------------------------------------------------------------------------------------------

    def code_atoms(self) -> None:
        """Fill the codes, and the columns of values on each row and slot, of everything that the formula names."""
        for atom in self.formula.atoms:
            if atom.call is not None and not atom.call.makes_factor:
                self._code_call(atom)
                continue
            covariate = self._covariate(atom, atom.columns[0])
            if covariate.kind == "factor":
                self._code_factor(atom, covariate)
            else:
                self._code_number(atom, covariate)

    def _code_factor(self, atom: Atom, covariate: Covariate) -> None:
        if len(covariate.levels) < 2:
            self._constant(covariate.name, quote_list(covariate.levels))
            return
        try:
            code = factor_code(covariate.name, covariate.levels, atom.call)
        except UsageError as error:
            self._problem("unknown-level", error.message, "")
            return
        self._add(atom, [code], self._scope(covariate) != "participant")
        self.columns[covariate.name] = self._spread_out(covariate)

    def _slope(self, used: Sequence[Covariate]) -> Slope | None:
        """The slope on the number that changes within runs, if there is one; noted as a problem if it is not alone."""
        numbers = {each.name: each for each in used if self._scope(each) == "trial"}
        if not numbers:
            return None
        name, *others = numbers
        parts = [part for part in (self.formula.common, self.formula.own) if part is not None]
        products = [t for part in parts for t in part.terms if len(t) > 1 and any(name in atom.columns for atom in t)]
        goes_on = f"{name} is a number that changes while the state goes on"
        if others or self.slots is not None:
            second = others[0] if others else self.slots.labels  # type: ignore[union-attr]
            also = f"so does {second}" if others else f"so do conditions ({listed(self.slots.labels)})"  # type: ignore[union-attr]
            self._problem(
                "two-on-trials", f"{goes_on}, and {also}", "leave one of them out: a parameter can follow one"
            )
        if products:
            text = ":".join(atom.label for atom in products[0])
            self._problem(
                "slope-in-product",
                f"{goes_on}, and {text} is a product with it",
                f"leave {text} out: its slope is the same for all levels and numbers of other columns",
            )
        return slope_of(numbers[name], self.at.trials)

    def _code_number(self, atom: Atom, covariate: Covariate) -> None:
        name = covariate.name
        if self._scope(covariate) == "trial":
            assert self.slope is not None
            mean, sd = self.slope.mean, self.slope.sd
            self._add(atom, [NumberCode(name, name, mean, sd)], True)
            self.columns[name] = np.tile([mean, mean + sd], len(self.at.rows.owner))
            self._note(
                f"{name} changes from trial to trial while the state goes on: {self.formula.parameter} has a slope, per {sd:.4g} of {name} (its standard "
                f"deviation) around {mean:.4g} (its mean; participants weigh the same)"
            )
            self._note_between(covariate)
            return
        if self._scope(covariate) == "participant":
            values = self.at.of_participants(covariate)
            mean, sd = float(np.mean(values)), _sd(values)
            if sd <= _TINY * max(1.0, abs(mean)):
                self._constant(name, f"{mean:g}")
                return
            self._add(atom, [NumberCode(name, name, mean, sd)], False)
            self.columns[name] = self._spread_out(covariate)
            return
        values, owner = self.at.of_runs(covariate)  # not rows, which depend on the other covariates
        means = np.bincount(owner, values) / np.bincount(owner)
        pooled = float(np.sqrt(np.sum((values - means[owner]) ** 2) / (len(owner) - len(means))))
        within = NumberCode(f"{name}{WITHIN}", f"{name}{WITHIN}", 0.0, pooled)
        self._add(atom, [within], True)
        of_rows = means[self.at.rows.owner]
        self.columns[within.column] = self._on_slots(self.at.of_rows(covariate) - of_rows)
        sd = _sd(means)
        if sd > _TINY * max(1.0, float(np.max(abs(values)))):
            between = NumberCode(f"{name}{BETWEEN}", f"{name}{BETWEEN}", float(np.mean(means)), sd)
            self.codes[between.label] = between
            self.names[atom] = (between.label, within.label)
            self.columns[between.column] = self._on_slots(of_rows)
            self._note(
                f"{name} changes within participants: {between.label} is the mean of a participant, {within.label} what deviates from it"
            )
        else:
            self._note(
                f"{name} changes within participants and has the same mean in all: only {within.label} is in the model"
            )

    def _note_between(self, covariate: Covariate) -> None:
        """A note that a slope has two meanings, if participants' means of the number differ by more than trials make them differ."""
        assert self.slope is not None
        name, owner, lengths = covariate.name, self.at.trials.participant_index, self.at.trials.lengths
        means = np.bincount(owner, self.slope.values) / lengths
        share = float(np.mean(means**2))  # the variance of all values is 1
        if share > max(BETWEEN_TO_NOTE, CHANCE * float(np.mean(1.0 / lengths))):
            mean, within = f"{name}_mean", f"{name}_within"
            self._note(
                f"{100 * share:.0f} % of the variance of {name} is between participants, whose means differ: the slope mixes differences between participants "
                f"with changes within them. To separate them add two columns to the data, data[{mean!r}] = data.groupby('participant')[{name!r}]"
                f".transform('mean') and data[{within!r}] = data[{name!r}] - data[{mean!r}], and write {self.formula.parameter} ~ {quoted_name(mean)} + {quoted_name(within)}"
            )

    def _code_call(self, atom: Atom) -> None:
        assert atom.call is not None
        used = [self._covariate(atom, name) for name in atom.columns]
        changing = [each.name for each in used if self._scope(each) != "participant"]
        if changing:
            self._problem(
                "call-within", f"{atom.label}: {listed(changing)} changes within participants",
                f"add a column with the values of {atom.label} to the data, and name it",
            )  # fmt: skip
            return
        train = {each.name: self.at.of_participants(each) for each in used}
        try:
            values = atom.call.evaluate(train, train)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
            self._problem("call-fails", f"{atom.label} cannot be computed: {error}", "")
            return
        if values.shape[0] != self.at.trials.n_participants or not np.isfinite(values).all():
            wrong = np.flatnonzero(~np.isfinite(values).all(1))
            labels = quote_list([self.at.trials.participants[n] for n in wrong], 4)
            self._problem("not-finite", f"{atom.label} has no finite value for participants {labels}", "")
            return
        mean, sd = values.mean(0), values.std(0, ddof=1)
        if np.any(sd <= _TINY * np.maximum(1.0, abs(mean))):
            self._constant(atom.label, f"{mean[0]:g}")
            return
        if atom.call.function in LEFT_ALONE:
            mean, sd = np.zeros_like(mean), np.ones_like(sd)
        plain = {name: tuple(map(float, each)) for name, each in train.items()}
        self._add(atom, [CallCode(atom.label, plain, tuple(map(float, mean)), tuple(map(float, sd)))], False)
        for each in used:
            self.columns[each.name] = self._spread_out(each)

    def _add(self, atom: Atom, codes: Sequence[Code], within: bool) -> None:
        names = tuple(code.label for code in codes)
        self.names[atom] = names
        self.codes |= dict(zip(names, codes, strict=True))
        self.within |= set(names) if within else set()

    # -- parts -------------------------------------------------------------------------------------------------------

    def products(self, part: Part) -> list[tuple[str, ...]]:
        """The terms of a part as labels of codes; a number that is split into two has a term for each."""
        terms = [tuple(each) for term in part.terms for each in itertools.product(*(self.names[atom] for atom in term))]
        return list(dict.fromkeys(terms))

    def own(self, random: str) -> tuple[bool, list[tuple[str, ...]]]:
        """Intercept and terms of the participants' part: as written, or by the rule that what changes within them has an effect of its own."""
        formula = self.formula
        common = self.products(formula.common)
        changing = [tuple(name for name in term if name in self.within) for term in common]
        changing = list(dict.fromkeys(term for term in changing if term))
        if formula.own is not None:
            terms = self.products(formula.own)
            terms = [term for term in terms if not any(name.endswith(BETWEEN) for name in term)]
            without = [term for term in changing if term not in terms]
            if without:
                self._note(f"no effects of participants of {_listed(without)}, as (... | {PARTICIPANT}) is written")
            return formula.own.intercept, terms
        if random == "intercept":
            if changing:
                self._note(
                    Message(
                        f"{_listed(changing)} without effects of participants, ", Argument("random", "intercept"),
                        ": intervals of such differences are too narrow if participants differ in them",
                    )
                )  # fmt: skip
            changing = []
        elif changing:
            text = " + ".join(":".join(self.codes[name].label for name in term) for term in changing)
            cells = "" if formula.common.intercept else "0 + "
            self._note(f"participants differ in what changes within them: ({cells}{text} | {PARTICIPANT}) is added")
        is_mean = any(all(self.codes[name].is_factor for name in term) for term in changing)
        intercept = formula.common.intercept or not is_mean
        if formula.spread:
            intercept = self._spread(intercept, changing)
        return intercept, changing

    def _spread(self, intercept: bool, terms: list[tuple[str, ...]]) -> bool:
        """Put spreads for each level in the place of the intercept of participants."""
        cell = tuple(self.names[atom][0] for atom in self.formula.spread)
        numbers = [name for name in cell if not self.codes[name].is_factor]
        changing = [name for name in cell if name in self.within]
        if numbers:
            message = f"a spread that depends on a number ({listed(numbers)}) is not possible"
            self._problem("spread-of-number", message, "name factors only")
        elif changing:
            message = f"{listed(changing)} changes within participants"
            self._problem(
                "spread-within",
                message,
                f"write (0 + {changing[0]} | {PARTICIPANT}) in the formula of {self.formula.parameter}",
            )
        elif not intercept:
            message = "participants have a value for each level of what changes within them, and no intercept of which levels could differ in spread"
            self._problem("spread-of-cells", message, "leave out the formula of the spread")
        terms.insert(0, cell)
        return False

    # -- checks ------------------------------------------------------------------------------------------------------

    def check_means(self, common: Coding, own: Coding) -> None:
        """Refuse parts without an intercept in which no means of levels take its place: numbers alone would fix the parameter where they are
        0, which is at their mean."""
        if not common.intercept and not any(common.cells()):
            names = _listed(self.products(self.formula.common))
            self._problem(
                "no-mean", f"without an intercept {self.formula.parameter} would be fixed at the mean of {names}",
                f"leave out the 0; 0 + is for means of levels, in place of an intercept: {self.formula.parameter} ~ 0 + group",
            )  # fmt: skip
        elif not own.intercept and not any(own.cells()):
            names = _listed(self.products(self.formula.own or Part(False)))
            self._problem(
                "no-mean-of-participants", f"without an intercept participants would all have the same {self.formula.parameter} at the mean of {names}",
                f"write (1 + ... | {PARTICIPANT})",
            )  # fmt: skip

    def check_rank(self, coding: Coding, matrix: np.ndarray) -> None:
        """Note columns that are determined by others."""
        owners = coding.owners()
        kept: list[int] = []
        noted: set[tuple[str, ...]] = set()
        scaled = matrix / np.maximum(np.sqrt(np.sum(matrix**2, 0)), 1e-300)
        for n in range(scaled.shape[1]):
            if kept:
                weights = np.linalg.lstsq(scaled[:, kept], scaled[:, n], rcond=None)[0]
                rest = scaled[:, n] - scaled[:, kept] @ weights
            else:
                weights, rest = np.zeros(0), scaled[:, n]
            if np.linalg.norm(rest) > 1e-7:
                kept.append(n)
                continue
            if owners[n] in noted:
                continue
            noted.add(owners[n])
            others = [owners[k] for k, weight in zip(kept, weights, strict=True) if abs(weight) > 1e-6]
            names = _listed([each for each in dict.fromkeys(others) if each != owners[n]])
            what = ":".join(owners[n])
            reason = f"is determined by {names}" if names else "has more columns than different values"
            empty = self._empty_cells(owners[n])
            self._problem(
                "collinear", f"{what} {reason}{f': no participant at {empty}' if empty else ''}",
                f"leave {what if empty else 'one of them'} out: data cannot tell their effects apart",
            )  # fmt: skip

    def _empty_cells(self, term: tuple[str, ...]) -> str:
        """The combinations of levels of a term's factors that nobody has; empty if there are none."""
        factors = [code for code in map(self.codes.__getitem__, term) if isinstance(code, FactorCode)]
        if len(factors) < 2:
            return ""
        present = set(zip(*(self.columns[code.column].tolist() for code in factors), strict=True))
        cells = itertools.product(*(range(len(code.levels)) for code in factors))
        empty = [
            " and ".join(f"{code.column} {code.levels[level]!r}" for code, level in zip(factors, cell, strict=True))
            for cell in cells
            if cell not in present
        ]
        return ", ".join(empty[:4]) + (", ..." if len(empty) > 4 else "")

    def check_own(self, coding: Coding) -> None:
        """Note effects of participants that do not change within them, except spreads for levels."""
        for term in coding.terms:
            fixed = [name for name, _ in term if name not in self.within]
            cell = not coding.intercept and all(full and self.codes[name].is_factor for name, full in term)
            if fixed and not cell:
                factor = all(isinstance(self.codes[name], FactorCode) for name in fixed)
                advice = (
                    f"(0 + {fixed[0]} | {PARTICIPANT}) for a spread of each level" if factor else "leave it out there"
                )
                self._problem(
                    "constant-within", f"{listed(fixed)} does not change within participants, who can have no effect of it",
                    advice,
                )  # fmt: skip

    def note_size(self, coding: Coding) -> None:
        """A note if there are few participants for the coefficients of covariates."""
        participants, coefficients = self.at.trials.n_participants, len(coding.labels()) - 1
        if coefficients > 0 and participants < PARTICIPANTS_PER_COEFFICIENT * coefficients:
            self._note(
                f"{counted(coefficients, 'coefficient')} of covariates for {participants} participants: estimates will lean on their priors"
            )

    # -- small pieces ------------------------------------------------------------------------------------------------

    def _covariate(self, atom: Atom, name: str) -> Covariate:
        if atom.call is None:
            return self.at.covariates.columns[name, self.at.covariates.bare[name]]
        return self.at.covariates.columns[name, "factor" if atom.call.makes_factor else "number"]

    def _scope(self, covariate: Covariate) -> Scope:
        return self.at.scopes[covariate.name, covariate.kind]

    def _spread_out(self, covariate: Covariate) -> np.ndarray:
        """Values on each row and slot, ``(rows * slots,)``."""
        if self._scope(covariate) == "slot":
            assert self.slots is not None
            return np.tile(covariate.values[self.slots.first], len(self.at.rows.owner))
        return self._on_slots(self.at.of_rows(covariate))

    def _on_slots(self, of_rows: np.ndarray) -> np.ndarray:
        return np.repeat(of_rows, self.count)

    @property
    def count(self) -> int:
        """The number of slots; with a slope, the value at the mean and the slope."""
        if self.slope is not None:
            return 2
        return 1 if self.slots is None else len(self.slots.labels)

    def matrix(self, coding: Coding) -> np.ndarray:
        """The columns of a part on each row and slot, ``(rows * slots, columns)``; on the slope's slot only its own are not zero."""
        matrix = coding.matrix(self.columns, len(self.at.rows.owner) * self.count)
        if self.slope is not None:
            others = [owner != (self.slope.name,) for owner in coding.owners()]
            matrix[1::2, others] = 0.0
        return matrix

    def _constant(self, name: str, value: str) -> None:
        self._problem(
            "constant-covariate", f"{name} is {value} for all participants", f"leave {name} out of the formula"
        )

    def _problem(self, code: str, message: str, remedy: str) -> None:
        self.problems.add(code, self.where, message, remedy)

    def _note(self, text: str) -> None:
        self.notes.append(Message(f"{self.formula.parameter}: ", text))


def _sd(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _listed(terms: Sequence[tuple[str, ...]]) -> str:
    return listed(":".join(term) if term else "the intercept" for term in terms)
