"""Independent NumPy implementations of models from their equations, without the engine."""
