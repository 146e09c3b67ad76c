"""The option ``--expand``: the text of an expansion, or the name of an environment or learner that declares one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from trialwise.base.errors import UsageError
from trialwise.cli.options.own_file import load

if TYPE_CHECKING:
    from trialwise.data.expansion.declared import Expansion


def find_expansion(text: str) -> Expansion:
    """The expansion that a text is or names.

    Parameters
    ----------
    text
        ``"first: choice=choice1; second: ..."``; the name of a built-in environment or learner; or ``mine.py:Mine``.

    Raises
    ------
    UsageError
        If it cannot be read, or what it names declares none.
    LearnerError
        If the file cannot be imported.
    """
    from trialwise.data.expansion.given import as_expansion, declared_by, from_text
    from trialwise.environments.tasks import BUILT_IN as ENVIRONMENTS
    from trialwise.learners import BUILT_IN as LEARNERS

    in_file = re.fullmatch(r"(.+\.py):(\w+)", text.strip())
    if in_file:
        module = load(Path(in_file[1]))
        if in_file[2] not in vars(module):
            raise UsageError(f"--expand {text}: {in_file[2]} is not in the file")
        expansion = as_expansion(getattr(module, in_file[2]))
        assert expansion is not None
        return expansion
    known = {**ENVIRONMENTS, **LEARNERS}
    if not re.fullmatch(r"\s*\w*\s*", text):
        return from_text(text)
    declaring = [name for name, thing in known.items() if declared_by(thing) is not None]
    if text.strip() not in declaring:
        raise UsageError(
            f"--expand {text}: no environment or learner of this name declares an expansion; {', '.join(declaring)} and your own, "
            "mine.py:MyEnvironment, do; or write stages, --expand 'first: choice=choice1; second: choice=choice2, outcome=reward'"
        )
    expansion = declared_by(known[text.strip()])
    assert expansion is not None
    return expansion
