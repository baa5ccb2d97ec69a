"""Measurements against the goals, run by `make bench`. Nothing here is asserted by the test suite.

Ratios are of contestants that take turns in one run on one machine; times are this machine's and move with its load.
"""
