"""What follows from how participants are pooled: the same for a population and for draws of its posterior."""

from __future__ import annotations

from trialwise.population.design import Design
from trialwise.population.names import group_names, median_names


class Pooled:
    """Base class of what belongs to participants that are pooled partially, not at all, or completely.

    Attributes
    ----------
    names
        Names of the free parameters.
    pooling
        ``"partial"``, ``"none"`` or ``"complete"``.
    design
        How participants differ by groups, covariates, sessions and conditions; None without formulas.
    """

    names: tuple[str, ...]
    pooling: str
    design: Design | None

    @property
    def grouped(self) -> bool:
        """Whether participants come from a group."""
        return self.pooling == "partial"

    @property
    def shared(self) -> bool:
        """Whether all participants share their parameters."""
        return self.pooling == "complete"

    @property
    def group_names(self) -> list[str]:
        """Names of the group's variables, for which priors can be given; see :func:`trialwise.population.names.group_names`."""
        return group_names(self.names, self.pooling, self.design)

    @property
    def median_names(self) -> list[str]:
        """Names of the group's medians on the natural scale; empty without a group."""
        return median_names(self.names, self.pooling, self.design)
