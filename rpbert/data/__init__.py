"""Readers of data sets, and the regions of their pictures."""
