"""The words of a report that not every reader knows: one table, from which words are linked where they first occur and listed at the end."""

from __future__ import annotations

import re
from typing import NamedTuple

from trialwise.population.names import MEAN, SPREAD


class Term(NamedTuple):
    """A word with its meaning.

    Attributes
    ----------
    word
        As it is listed.
    meaning
        A definition that needs no other report.
    cells
        Headings of columns or rows of tables that are this word; by default the word itself.
    prose
        Regular expression of its forms in sentences; empty for words that also have a common meaning.
    """

    word: str
    meaning: str
    cells: tuple[str, ...] = ()
    prose: str = ""

    @property
    def anchor(self) -> str:
        """Its anchor in the page."""
        return "word-" + re.sub(r"[^a-z0-9]+", "-", self.word.lower()).strip("-")


TERMS = (
    # sampling
    Term("chain", "A sequence of posterior draws. Several chains are run independently, from different starting points, to see whether they agree.", ("chains x draws", "chain"), r"[Cc]hains?"),
    Term("R-hat", "Compares chains with each other: 1 if they agree; above 1.01 they do not agree yet.", ("R-hat", "r hat", "largest R-hat"), r"R-hat"),
    Term("effective draws", "Number of independent draws that would be as precise (ESS, effective sample size): bulk for means, tail for the ends of intervals. At least 400 are wanted.", ("ESS bulk", "ESS tail", "ess bulk", "ess tail", "smallest effective sample size, bulk", "smallest effective sample size, tail"), r"effective (?:draws|sample sizes?)"),
    Term("divergent transition", "A step of the sampler that failed numerically: draws near it may be biased.", ("divergences", "divergent transitions"), r"diverge(?:nt transitions?|nces?|d)"),
    Term("E-BFMI", "How well the sampler reaches the tails of the posterior: 0.3 or more is wanted.", ("e bfmi", "smallest E-BFMI"), r"E-BFMI"),
    Term("gradients", "Evaluations of the likelihood with its derivatives, a measure of the work done."),
    Term("acceptance", "Mean probability with which the sampler accepts a step."),
    Term("depth", "Mean number of doublings of a trajectory of the sampler; steps: its mean number of steps.", ("depth", "steps")),
    Term("cut short", "Share of draws whose trajectory reached its maximum length."),
    Term("particles", "Guesses of a hidden choice that are followed through the trials together.", ("particles", "particles of a filter"), r"particle filters?"),
    Term("renewal", "How often a participant's hidden choice is drawn anew, as a share of all sweeps, on the trial where that is rarest; what is drawn may be the same.", ("renewal", "hidden choices drawn anew, at the trial where it is rarest")),
    Term("MCSE", "Monte Carlo standard error: by how much a mean would change in another run.", ("MCSE", "mcse"), r"MCSE"),
    Term("Geweke", "Largest difference between the beginning and the end of a chain, in standard errors: beyond 2 or 3, a chain drifts."),
    Term("autocorrelation", "Number of draws that are worth one independent draw."),
    Term("overlap with the prior", "Area that posterior and prior share: near 1, the data say nothing about the parameter.", (), r"overlap(?: of prior and posterior| with (?:a|the) prior)?"),
    Term("away", "Distance of a participant's most unusual parameter from the mean of the group, in standard deviations of the group; which: this parameter.", ("away", "which")),
    # estimates
    Term("prior", "What is assumed about a parameter before the data.", ("prior",), r"[Pp]riors?"),
    Term("posterior", "What is known about a parameter given the data and the prior, represented by draws.", (), r"[Pp]osteriors?"),
    Term("89 % interval", "Equal-tailed: the value lies in it with a probability of 89 %, below it and above it with 5.5 % each. Low and high are its ends.", ("low", "high"), r"89 ?% (?:predictive )?intervals?"),
    Term("unconstrained scale", "Logit of parameters between two bounds, logarithm of positive ones: any number is possible, and participants are Normal on it.", ("scale",), r"unconstrained scale"),
    Term("group median", "Half of the population lies above it. It is not the mean of the population.", ("implied group median",), r"group median"),
    Term("group mean", f"Mean of the parameters of participants on the unconstrained scale ({MEAN} in names).", ("group mean",)),
    Term("group spread", f"Standard deviation of the parameters of participants on the unconstrained scale ({SPREAD} in names).", ("group spread",)),
    Term("SD", "Standard deviation.", ("SD", "sd")),
    # behaviour
    Term("accuracy", "Share of correct choices: those with the highest mean reward in the current context. Missed ones do not count.", ("accuracy",), r"accuracy"),
    Term("repeated", "Share of choices that repeat the participant's last choice in the same context and at the same cue; after better (worse): after an outcome above the participant's mean (or not).", ("repeated", "repeated after better", "repeated after worse")),
    Term("intrusions", "Share of errors that would have been correct in another context.", ("intrusions",), r"intrusions"),
    Term("early slope", "Rise of accuracy over the first four trials of a block: five times its slope on the number of the trial.", ("early slope",), r"early slope"),
    Term("context index", "Accuracy in a context, at cues whose correct choice is worth the same in each context; correlation: of these accuracies with the order of contexts.", ("context index",), r"context index"),
    Term("after a switch", "Trials after the context changed: share of choices that are correct in the current, the previous, or another context.", (), r"after a switch"),
    Term("predicted", "Mean of simulated data sets.", ("predicted",)),
    Term("tail", "Share of simulated data sets in which the measure is at least as large as observed: near 0 or 1, the learner does not reproduce it.", ("tail",)),
    Term("one step ahead", "Each choice is predicted from the real choices and outcomes before it.", (), r"one[- ]step(?: ahead)?"),
    Term("calibrated", "Events predicted with a probability of 30 % occur in 30 % of cases, and so on.", (), r"[Cc]alibrated"),
    # recovery
    Term("correlation", "Of estimates with true values over participants, in a table of parameters.", ("correlation",)),
    Term("bias", "Mean of estimate minus true value.", ("bias",)),
    Term("RMSE", "Root mean squared error: typical size of estimate minus true value.", ("rmse",)),
    Term("coverage", "Share of participants whose interval contains the true value: about its probability, if intervals are right.", ("coverage",), r"[Cc]overage"),
    Term("within", "Correlation across participants of the same data set.", ("within",)),
    Term("slope", "By how much an estimate rises if the true value rises by 1; shrinkage is 1 minus the slope.", ("slope", "shrinkage")),
    Term("unidentified", "Share of participants whose data hardly narrow their parameter down.", ("unidentified",), r"unidentified"),
    Term("found", "Share of simulated data sets in which the 95 % interval of a difference excludes 0: power or, where the true difference is 0, false positives. Low and high: its 95 % interval.", ("found", "found low", "found high")),
    Term("sign errors", "Share of the differences found whose estimate has the wrong sign.", ("sign errors",)),
    # comparison
    Term("log predictive density", "Logarithm of the probability of data that a learner was not fitted to; higher is better (elpd).", ("elpd", "elpd loo"), r"(?:log predictive density|elpd)"),
    Term("se", "Standard error over participants.", ("se", "se difference")),
    Term("error", "Monte Carlo error of the log predictive density, a part of the standard errors.", ("error",)),
    Term("p", "Effective number of parameters: how much worse held-out data are predicted than the fitted ones.", ("p",)),
    Term("weight", "Of the mixture of learners that predicts best (stacking).", ("weight",)),
    Term("worst k", "Largest Pareto k-hat: above about 0.7, the log predictive density of a participant is unreliable; bad k: the number of those.", ("worst k", "bad k"), r"k-hat"),
    Term("log likelihood", "Logarithm of the probability of the data at the best-fitting parameters.", ("log likelihood",)),
    Term("AIC, BIC", "Log-likelihood with a penalty for parameters; lower is better.", ("aic", "bic"), r"(?:AIC|BIC)"),
    Term("frequency", "Estimated share of each learner in the population.", ("frequency",)),
    Term("exceedance probability", "That a learner is more frequent than every other; protected: allowing for the chance that all are equally frequent.", ("exceedance", "protected"), r"exceedance"),
)  # fmt: skip
"""All terms."""

_CELLS = {cell: term for term in TERMS for cell in (term.cells or (term.word,))}
_PROSE = re.compile(
    "|".join(rf"(?P<t{k}>(?<![\w-]){term.prose}(?![\w-]))" for k, term in enumerate(TERMS) if term.prose)
)


class Linked(NamedTuple):
    """The first occurrence of a term: the words, and the term that they are a form of."""

    term: Term
    words: str


class Glossary:
    """The terms that have occurred in a page so far, in their order."""

    def __init__(self) -> None:
        self.used: dict[str, Term] = {}

    def text(self, words: str) -> list[str | Linked]:
        """The parts of a sentence: plain, and terms that occur for the first time. Markup is one part."""
        if hasattr(words, "__html__"):
            return [words]
        parts: list[str | Linked] = []
        end, words = 0, str(words)
        for match in _PROSE.finditer(words):
            term = TERMS[int(str(match.lastgroup)[1:])]
            if term.word not in self.used:
                parts += [words[end : match.start()], self._first(term, match[0])]
                end = match.end()
        return [*parts, words[end:]]

    def cell(self, words: str) -> list[str | Linked]:
        """The heading of a column or row: a term that occurs for the first time, or plain."""
        term = _CELLS.get(words, _CELLS.get(words.split(": ")[-1].split(", ")[0]))  # initial: accuracy, block 2
        return [words if term is None or term.word in self.used else self._first(term, words)]

    def _first(self, term: Term, words: str) -> Linked:
        self.used[term.word] = term
        return Linked(term, words)
