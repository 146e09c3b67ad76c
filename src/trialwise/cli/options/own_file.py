"""A user's file of learners and environments, imported."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from trialwise.base.errors import LearnerError, TrialwiseError, UsageError


def load(path: Path) -> ModuleType:
    """Import a user's file as a module.

    Raises
    ------
    UsageError
        If there is no such file.
    LearnerError
        If it cannot be imported; the message names the line.
    """
    name = f"learner_file_{path.stem}"
    if not path.is_file():
        candidates = sorted(other.name for other in path.parent.glob("*.py")) if path.parent.is_dir() else []
        available = f"; the folder contains {', '.join(candidates[:5])}" if candidates else ""
        raise UsageError(f"there is no file {str(path)!r}{available}")
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))  # as for a script, so that modules in its folder can be imported
    try:
        spec.loader.exec_module(module)
    except TrialwiseError:
        raise
    except SyntaxError as error:
        raise LearnerError(f"{path}, line {error.lineno}: {error.msg}") from None
    except Exception as error:
        lines = [
            step.lineno for step in traceback.extract_tb(error.__traceback__) if Path(step.filename).name == path.name
        ]
        where = f", line {lines[-1]}" if lines else ""
        raise LearnerError(f"{path}{where}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    return module
