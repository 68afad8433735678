"""What the answers of a fitted model depend on, each with an interval.

* ``rows``: rows whose columns can be exchanged: arrays, frames, tables of a study
* ``asking``: what a model answers, and what each answer costs
* ``shuffles``: shuffles in which no row keeps its own values
* ``importance``: `permutation_importance`, how much worse the score becomes without a column
* ``correlated``: which columns say nearly the same
* ``dependence``: `partial_dependence`, the mean answer over the values of a column
* ``filters``: kernels, `feature_maps` and the patches that excite a filter most (`exciting_patches`)
* ``gradients``, ``attribution``: `integrated_gradients`, what each column adds to a network's answer
* ``tokens``: `token_attributions`, what each token of a text adds
"""

from gorae.explanation.attribution import Attributions, integrated_gradients, network_of
from gorae.explanation.dependence import PartialDependence, partial_dependence
from gorae.explanation.filters import Exciting, Kernels, exciting_patches, feature_maps, fields_of, kernels_of
from gorae.explanation.importance import ColumnImportance, Importance, permutation_importance
from gorae.explanation.tokens import TokenAttributions, token_attributions

__all__ = [
    "Attributions",
    "ColumnImportance",
    "Exciting",
    "Importance",
    "Kernels",
    "PartialDependence",
    "TokenAttributions",
    "exciting_patches",
    "feature_maps",
    "fields_of",
    "integrated_gradients",
    "kernels_of",
    "network_of",
    "partial_dependence",
    "permutation_importance",
    "token_attributions",
]
