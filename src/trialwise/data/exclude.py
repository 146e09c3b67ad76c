"""Exclusion of participants by rules with reasons."""

from __future__ import annotations

from trialwise.base.expects import LABELS, MAPPING, NAME, expects
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.data.reading.exclusion import Rules, excluding
from trialwise.data.trials import Trials


@expects(data=DATA, rules=NAME | LABELS | MAPPING)
def exclude(data: Data, rules: Rules) -> Trials:
    """Leave out participants by rules; reasons and labels are kept in :attr:`Trials.excluded <trialwise.data.trials.Trials.excluded>`.

    Rules are best fixed before results are seen. Each is applied to all participants; one to whom several apply is counted under the first.

    Parameters
    ----------
    data
        Trials; or a path, a DataFrame, a folder, a pattern.
    rules
        Conditions on participants, ``"missed > 0.2"``, or several of them; or ``{reason: condition}`` and ``{reason: labels}``, such as
        ``{"withdrew": ["s07"]}``. A condition compares measures with numbers, as ``where=`` of :func:`~trialwise.data.read.read_long`
        does: ``trials``, the number of trials; ``missed``, the share of trials without a response; ``same``, the share of the most
        frequent choice; ``run``, the longest run of one choice; ``outcome``, the mean outcome (or each part by its name); ``rt``, the
        median response time in seconds; ``fast``, the share of response times below 0.1 s; and columns that are constant within
        every participant, such as a group. Forced responses, those that are not ``scored``, enter none of these shares and means, and trials
        without a response only ``missed``. A measure that is not defined satisfies no condition, also below ``not``, and a note names the
        participants who are left in for that reason; ``same is missing`` asks for them.

        Where a row of the file is several trials (``expand``), the participant's own trials are the rows of the file, and measures have one
        value for each: ``trials`` counts rows; a row is ``missed`` if any choice, or response of a stage without choices, that it asks for
        is missing, and asks for those of its stages that are not left out; ``fast`` if any of its responses was; its ``rt`` is the mean of
        those of its stages, and its outcome their sum, without numbers that a stage has in every row. ``same`` and ``run`` are about the
        choices of one stage, and are the largest of those of all stages; of repeated choices, about how often one went on before one stopped,
        without rows that were ended. Each measure of one stage alone has its name, ``missed_second``, ``same_first``.

    Returns
    -------
    Trials
        The participants who are left.

    Raises
    ------
    UsageError
        If a condition cannot be read, a label is unknown, or nobody is left.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials
    >>> kept = tw.exclude(trials, {"chose one action too often": "same > 0.5", "withdrew": [7]})
    >>> trials.n_participants, kept.n_participants, kept.excluded["withdrew"]
    (30, 29, (7,))
    """
    return excluding(as_trials(data), rules)
