"""Stan through PyStan 3; gradients by Stan's reverse mode.

PyStan communicates over HTTP and transfers the data with every call, which for this model costs more than the fastest
gradient. Therefore the compiled module is called directly, and the time that a call spends on the data is measured separately, in
the same turns, and subtracted: `get_dims` does everything that `log_prob_grad` does (convert the data, construct the model)
except the gradient. Only the gradient is repeated during sampling.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from typing import Literal

import numpy as np

from benchmarks.data import INITIAL, Recorded
from benchmarks.peers import Peer

with warnings.catch_warnings():
    warnings.simplefilter("ignore", SyntaxWarning)
    import httpstan.models
    import stan

DATA = """
data {
  int<lower=1> N;
  int<lower=1> T;
  int<lower=1> S;
  int<lower=1> A;
  int<lower=2> K;
  real initial;
  array[N, T] int<lower=1, upper=S> context;
  array[N, T] int<lower=1, upper=A> cue;
  array[N, T] int<lower=1, upper=K> choice;
  array[N, T] real outcome;
}
"""

PARAMETERS = """
parameters {  // no bounds: the natural scale, as for every peer
  vector[N] alpha;
  vector[N] beta;
  vector[N] forget;
}
"""

COMMON = f"""{DATA}{PARAMETERS}
model {{
  for (n in 1:N) {{
    array[S, A] vector[K] q;
    for (s in 1:S) {{
      for (a in 1:A) q[s, a] = rep_vector(initial, K);
    }}
    for (t in 1:T) {{
      int s_now = context[n, t];
      int a_now = cue[n, t];
      choice[n, t] ~ categorical_logit(beta[n] * q[s_now, a_now]);
      for (s in 1:S) {{
        for (a in 1:A) q[s, a] = (1 - forget[n]) * q[s, a] + forget[n] * initial;
      }}
      q[s_now, a_now, choice[n, t]] += alpha[n] * (outcome[n, t] - q[s_now, a_now, choice[n, t]]);
    }}
  }}
}}
"""
"""Loops over participants and trials, with forgetting applied to the whole table on each trial."""

BEST = f"""{DATA}
transformed data {{
  array[N, T, K] int<lower=0> last;  // the last trial that changed this cell of the visited row; 0: none
  int longest = 1;
  for (n in 1:N) {{
    array[S, A, K] int changed = rep_array(0, S, A, K);
    for (t in 1:T) {{
      last[n, t] = changed[context[n, t], cue[n, t]];
      for (k in 1:K) {{
        if (last[n, t, k] > 0) longest = max(longest, t - last[n, t, k]);
      }}
      changed[context[n, t], cue[n, t], choice[n, t]] = t;
    }}
  }}
}}
{PARAMETERS}
model {{
  for (n in 1:N) {{
    vector[T] d;            // value of the cell updated on trial t, minus the initial value
    vector[longest] scale;     // beta (1 - forget)^(g - 1): from a cell updated g trials ago to its logit
    vector[longest] retained;  // (1 - alpha) (1 - forget)^g: its weight in the updated value
    real stay = 1 - forget[n];
    scale[1] = beta[n];
    retained[1] = (1 - alpha[n]) * stay;
    for (g in 2:longest) {{
      scale[g] = scale[g - 1] * stay;
      retained[g] = retained[g - 1] * stay;
    }}
    for (t in 1:T) {{
      vector[K] logits;
      int before = last[n, t, choice[n, t]];
      for (k in 1:K) {{
        int source = last[n, t, k];
        if (source > 0) logits[k] = scale[t - source] * d[source];
        else logits[k] = 0;
      }}
      target += categorical_logit_lpmf(choice[n, t] | logits);
      d[t] = alpha[n] * (outcome[n, t] - initial);
      if (before > 0) d[t] += retained[t - before] * d[before];
    }}
  }}
}}
"""
"""No table: each trial refers to the trials that last changed its cells, with forgetting as a power."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppress the output of PyStan and the C++ compiler, unless they fail."""
    with tempfile.TemporaryFile() as log:
        sys.stdout.flush()
        sys.stderr.flush()
        copies = [(stream, os.dup(stream)) for stream in (1, 2)]
        for stream, _ in copies:
            os.dup2(log.fileno(), stream)
        failed = True
        try:
            yield
            failed = False
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for stream, copy in copies:
                os.dup2(copy, stream)
                os.close(copy)
            if failed:
                log.seek(0)
                sys.stderr.write(log.read().decode(errors="replace"))


def compiled(program: str, recorded: Recorded, form: Literal["common", "best"], note: str) -> Peer:
    """Build the program and wrap it; parameters are passed in Stan's order, one vector after another."""
    contexts, cues, actions = recorded.sizes
    data = {
        "N": recorded.participants,
        "T": recorded.trials,
        "S": contexts,
        "A": cues,
        "K": actions,
        "initial": INITIAL,
        "context": recorded.context + 1,
        "cue": recorded.cue + 1,
        "choice": recorded.choice + 1,
        "outcome": recorded.outcome,
    }
    start = time.perf_counter()
    with quiet():
        model = stan.build(program, data)
    seconds = time.perf_counter() - start
    module = httpstan.models.import_services_extension_module(model.model_name)

    def value_and_gradient(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        flat = parameters.T.ravel().tolist()
        value = module.log_prob(model.data, flat, False)
        gradient = module.log_prob_grad(model.data, flat, False)
        return np.asarray(value), np.reshape(gradient, (3, -1)).T

    def timed(parameters: np.ndarray) -> object:
        return module.log_prob_grad(model.data, parameters.T.ravel().tolist(), False)

    def overhead(_: np.ndarray) -> object:
        return module.get_dims(model.data)

    return Peer("Stan (PyStan 3)", form, note, seconds, value_and_gradient, timed, overhead)


def peers(recorded: Recorded) -> list[Peer]:
    """The common form and the fastest form found."""
    return [
        compiled(COMMON, recorded, "common", "loops, whole table swept"),
        compiled(BEST, recorded, "best", "last-visit bookkeeping (flat model only)"),
    ]
