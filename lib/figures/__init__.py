"""Figures: arrays and tables in, matplotlib figures out. Imports `lib.vocabulary` alone."""
