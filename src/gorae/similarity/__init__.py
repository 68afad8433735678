"""What a row resembles: nearest examples in any layer, groups of variants, a map in two dimensions.

* ``metrics``: l1, l2, cosine and Chebyshev distances, searched exactly
* ``spaces``: a fitted model's inputs, hidden layers and outputs as spaces in which rows are compared
* ``examples``: the nearest known rows, and how usual such a distance is
* ``linkage``: the tree in which rows join, the nearest first
* ``groups``: branches of that tree that are denser than chance makes them
* ``maps``: rows on a plane, and how far the plane is to be believed
"""

from gorae.similarity.examples import Examples, nearest_examples, usual_distances
from gorae.similarity.groups import ALONE, FEWEST, Groups, find_groups
from gorae.similarity.maps import MAPS, PlaneMap, draw_map, evenly
from gorae.similarity.metrics import METRICS, check_metric
from gorae.similarity.spaces import Space, open_space, space_names

__all__ = [
    "ALONE",
    "FEWEST",
    "MAPS",
    "METRICS",
    "Examples",
    "Groups",
    "PlaneMap",
    "Space",
    "check_metric",
    "draw_map",
    "evenly",
    "find_groups",
    "nearest_examples",
    "open_space",
    "space_names",
    "usual_distances",
]
