"""Choosing settings by nested cross-validation, so that the choice never sees the rows a score is told on.

Networks of all folds and settings are trained as one population, nearest neighbours answer every k from one
table of distances, and any other estimator is fitted fold by fold. `SearchCV` does
the same behind scikit-learn's face.
"""

from gorae.search.ensemble import ensemble_from_search
from gorae.search.folds import OuterFold, nested_folds, splittable
from gorae.search.neighbors import nested_neighbors
from gorae.search.networks import nested_networks
from gorae.search.plain import nested_estimator
from gorae.search.result import NestedResult, Rows, Step, Tell, metric_of, score_outputs
from gorae.search.searchcv import SearchCV

__all__ = [
    "NestedResult",
    "OuterFold",
    "Rows",
    "SearchCV",
    "Step",
    "Tell",
    "ensemble_from_search",
    "metric_of",
    "nested_estimator",
    "nested_folds",
    "nested_neighbors",
    "nested_networks",
    "score_outputs",
    "splittable",
]
