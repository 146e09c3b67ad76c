"""The response families by name, to mark a learner's ``respond`` with: ``@tw.responses.lognormal``."""

from __future__ import annotations

from trialwise.base.errors import did_you_mean
from trialwise.learners.responses import FAMILIES
from trialwise.learners.responses.family import ResponseFamily


class Families:
    """The response families, as attributes.

    Above ``respond`` a family says what the method returns; without one, it returns the mean and the standard deviation of a Normal
    response. A family with settings takes them in brackets: ``@tw.responses.slider(0, 100)``.

    Examples
    --------
    >>> @tw.learner
    ... class Estimator:
    ...     alpha: float = tw.unit("learning rate")
    ...     noise: float = tw.positive("scale of the response")
    ...
    ...     def start(self, task):
    ...         return task.table("cue")
    ...
    ...     @tw.responses.student
    ...     def respond(self, value, trial):
    ...         return value[trial.cue], self.noise, 4.0
    ...
    ...     def learn(self, value, trial, response, outcome):
    ...         value[trial.cue] += self.alpha * (outcome - value[trial.cue])
    >>> Estimator().family
    <response family student>
    """

    def __getattr__(self, name: str) -> ResponseFamily:
        """The family of this name."""
        if name not in FAMILIES:
            raise AttributeError(f"there is no response family '{name}'. {did_you_mean(name, FAMILIES, 'families')}")
        return FAMILIES[name]

    def __dir__(self) -> list[str]:
        """The names of all families."""
        return [*FAMILIES]

    def __repr__(self) -> str:
        """All families."""
        return f"<response families {', '.join(FAMILIES)}>"


responses = Families()
"""The response families."""
