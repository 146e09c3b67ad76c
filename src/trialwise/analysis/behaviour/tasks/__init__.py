"""Measures of single tasks, recognised by the columns of the trials: one module a task, discovered automatically."""

from __future__ import annotations

from trialwise.analysis.behaviour.task_measures import TaskMeasures
from trialwise.base.discovery import instances_in

OF_TASKS: list[TaskMeasures] = instances_in(__name__, __path__, TaskMeasures)
"""The measures of all tasks that have some of their own."""
