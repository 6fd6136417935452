"""Readers of the six published datasets and of the user's manifest; README.md is the data card."""
