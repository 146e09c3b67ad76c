"""Q-learning of a two-armed bandit in Stan, with coefficients, and with effects of participants that are correlated within each parameter.

As users of Stan write it: not centred, a Cholesky factor of correlations, a loop over rows of parameters (sessions) and trials.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.bandit import Bandit
from benchmarks.peers.stan import quiet, stan

PROGRAM = """
data {
  int<lower=1> R;  // rows of parameters: participants, or sessions of each
  int<lower=1> N;
  int<lower=1> T;
  array[R] int<lower=1, upper=N> owner;
  real initial;
  array[R, T] int<lower=0, upper=1> choice;
  array[R, T] real outcome;
  int<lower=1> Fa;
  int<lower=1> Fb;
  int<lower=1> Qa;
  int<lower=1> Qb;
  matrix[R, Fa] Xa;
  matrix[R, Fb] Xb;
  matrix[R, Qa] Za;
  matrix[R, Qb] Zb;
  vector[Fa] mean_a;
  vector[Fb] mean_b;
  vector<lower=0>[Fa] width_a;
  vector<lower=0>[Fb] width_b;
  vector<lower=0>[Qa] spread_a;
  vector<lower=0>[Qb] spread_b;
  real<lower=0> eta;
}
parameters {
  vector[Fa] B_a;
  vector[Fb] B_b;
  vector<lower=0>[Qa] sd_a;
  vector<lower=0>[Qb] sd_b;
  cholesky_factor_corr[Qa] L_a;
  cholesky_factor_corr[Qb] L_b;
  matrix[Qa, N] z_a;
  matrix[Qb, N] z_b;
}
model {
  B_a ~ normal(mean_a, width_a);
  B_b ~ normal(mean_b, width_b);
  sd_a ~ normal(0, spread_a);
  sd_b ~ normal(0, spread_b);
  L_a ~ lkj_corr_cholesky(eta);
  L_b ~ lkj_corr_cholesky(eta);
  to_vector(z_a) ~ std_normal();
  to_vector(z_b) ~ std_normal();
  matrix[Qa, N] v_a = diag_pre_multiply(sd_a, L_a) * z_a;
  matrix[Qb, N] v_b = diag_pre_multiply(sd_b, L_b) * z_b;
  vector[R] alpha = inv_logit(Xa * B_a + rows_dot_product(Za, v_a[, owner]'));
  vector[R] beta = exp(Xb * B_b + rows_dot_product(Zb, v_b[, owner]'));
  for (r in 1:R) {
    array[2] real q = {initial, initial};
    vector[T] difference;
    for (t in 1:T) {
      int chosen = choice[r, t] + 1;
      difference[t] = q[2] - q[1];
      q[chosen] += alpha[r] * (outcome[r, t] - q[chosen]);
    }
    choice[r] ~ bernoulli_logit(beta[r] * difference);
  }
}
generated quantities {
  matrix[Qa, Qa] R_a = multiply_lower_tri_self_transpose(L_a);
  matrix[Qb, Qb] R_b = multiply_lower_tri_self_transpose(L_b);
}
"""


def sample(bandit: Bandit, draws: int, tune: int, chains: int, seed: int) -> tuple[dict[str, np.ndarray], float, int]:
    """Draws ``(chains, draws)`` of the group's parameters by their names in trialwise, seconds of sampling, divergences."""
    with quiet():
        model = stan.build(PROGRAM, bandit.for_stan(), random_seed=seed)
    start = time.perf_counter()
    with quiet():
        fit = model.sample(num_chains=chains, num_samples=draws, num_warmup=tune)
    seconds = time.perf_counter() - start

    def by_chain(values: np.ndarray) -> np.ndarray:
        """PyStan has draws of all chains in turn along its last axis."""
        return np.asarray(values).reshape(*np.shape(values)[:-1], draws, chains).swapaxes(-1, -2)

    found: dict[str, Any] = {}
    for letter, terms in bandit.terms.items():
        for k, name in enumerate(terms.coefficients):
            found[name] = by_chain(fit[f"B_{letter}"][k])
        for k, name in enumerate(terms.spreads):
            found[name] = by_chain(fit[f"sd_{letter}"][k])
        if terms.correlation:
            found[terms.correlation] = by_chain(fit[f"R_{letter}"][1, 0])
    return found, seconds, int(np.sum(fit["divergent__"]))
