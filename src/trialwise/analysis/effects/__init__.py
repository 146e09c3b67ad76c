"""Effects of groups, covariates, sessions and conditions on the parameters of a fit: level means, their differences, and the evidence for them."""
