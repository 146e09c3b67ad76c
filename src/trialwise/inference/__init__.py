"""Inference: how posteriors are sampled and modes found. The only place that knows a sampler."""
