"""The engine: learners compiled and differentiated. It names no concrete learner."""
