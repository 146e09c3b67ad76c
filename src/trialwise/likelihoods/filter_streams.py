"""Random numbers of particle filters: a key for every filter, from a participant's key and a counter."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from trialwise.base.streams import stream_key
from trialwise.data.trials import Trials
from trialwise.engine import stream_keys


def own_keys(trials: Trials, seed: int, purpose: str) -> np.ndarray:
    """A key of random streams for each participant, from seed, label and purpose: ``uint64 (participants,)``."""
    return np.array([stream_key(seed, purpose, label) for label in trials.participants], np.uint64)


def occurrence(values: np.ndarray) -> np.ndarray:
    """For each of the whole numbers ``values (n,)``, the number of equal ones before it."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    counts = np.empty(len(values), np.int64)
    counts[order] = np.arange(len(values)) - np.searchsorted(ordered, ordered)
    return counts


class FilterStreams(ABC):
    """A source of keys for the random streams of successive filters."""

    @abstractmethod
    def keys(self, segments: np.ndarray) -> np.ndarray:
        """Keys ``uint64 (filters,)`` for filters of the participants ``segments (filters,)``."""


class CommonStreams(FilterStreams):
    """The same random numbers at every call, for all parameters: a participant's k-th filter of a call uses its k-th stream."""

    def __init__(self, trials: Trials, seed: int, purpose: str):
        self.own = own_keys(trials, seed, purpose)

    def keys(self, segments: np.ndarray) -> np.ndarray:
        return stream_keys(self.own[segments], occurrence(segments))


class FreshStreams(FilterStreams):
    """New random numbers for every filter: a participant's k-th filter since creation uses its k-th stream."""

    def __init__(self, trials: Trials, seed: int, purpose: str):
        self.own = own_keys(trials, seed, purpose)
        self.used = np.zeros(len(self.own), np.int64)

    def keys(self, segments: np.ndarray) -> np.ndarray:
        keys = stream_keys(self.own[segments], self.used[segments] + occurrence(segments))
        self.used += np.bincount(segments, minlength=len(self.used))
        return keys
