"""Public data sets: one module each, discovered automatically."""

from __future__ import annotations

from trialwise.base.discovery import instances_in
from trialwise.data.dataset import Dataset

DATASETS = {dataset.name: dataset for dataset in instances_in(__name__, __path__, Dataset)}
"""Public data sets by name."""
