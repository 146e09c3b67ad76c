"""Small studies for tests of designs: trials of participants with columns of their own."""

import numpy as np
import pandas as pd

import trialwise as tw


def read(participants, per=4, **columns):
    """Trials of participants, ``per`` of them a row of each column, which is a list with a list for each participant, or a value."""
    rows = []
    for n, label in enumerate(participants):
        count = max([len(values[n]) for values in columns.values() if isinstance(values[n], list)], default=1)
        for k in range(count):
            for trial in range(per):
                row = {"participant": label, "choice": "ab"[(n + k + trial) % 2], "outcome": (n + trial) % 2}
                for name, values in columns.items():
                    row[name] = values[n][k] if isinstance(values[n], list) else values[n]
                rows.append(row)
    return tw.read_long(pd.DataFrame(rows))


@tw.learner
class Keeps:
    """Q-learning that keeps its values over resets."""

    alpha: float = tw.unit("learning rate")
    beta: float = tw.positive("inverse temperature")

    def start(self, task):
        return np.zeros(task.action)

    def choose(self, q, trial, preference):
        for action in range(len(q)):
            preference[action] = self.beta * q[action]

    def learn(self, q, trial, choice, outcome):
        q[choice] += self.alpha * (outcome - q[choice])

    def reset(self, q, trial):
        return q
