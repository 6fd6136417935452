"""The pipeline: which notebooks run in which order, its progress, the report and the README."""
