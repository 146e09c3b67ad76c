"""Independent NumPy rewrites of models, from their equations: slow, plain, and nothing of the engine in them."""
