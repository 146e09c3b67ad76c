"""Inference: sampling posteriors and maximising likelihoods. Samplers are known only here."""
