"""Explanations: targets, methods, whether a map is to be believed, and what if."""
