"""Figures: arrays and tables in, matplotlib figures out. Imports `lib.vocabulary` alone."""

import matplotlib

# A user's own matplotlibrc, e.g. with LaTeX or other fonts, changes no figure.
matplotlib.rcdefaults()
