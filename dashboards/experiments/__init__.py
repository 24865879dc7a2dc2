"""The page of one version of a persona experiment, and what it found as sentences for the command line."""

from __future__ import annotations

from dashboards.experiments.page import draw_experiment, experiment_path
from dashboards.experiments.sentences import experiment_sentences

__all__ = ["draw_experiment", "experiment_path", "experiment_sentences"]
