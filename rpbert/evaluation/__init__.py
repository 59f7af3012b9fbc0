"""Figures: predictions in batches, metrics, slices, calibration, their report."""
