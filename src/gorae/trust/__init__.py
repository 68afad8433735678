"""Models that know what they do not know: evidence from out-of-fold rows, given along with a model.

* ``answers``: what a fitted classifier says of rows: probabilities, logits, features
* ``parts``: a model fitted on many parts of the rows, as one population
* ``detectors``: scores of how unlike the training data a row is
* ``gathering``: what is learned about a model from rows that it has not seen
* ``caution``: that, in the form in which it is kept and applied to new rows
* ``reading``: the same from a file, checked
* ``cautious``: `CautiousClassifier`, the estimator made of both
"""

from gorae.trust.answers import Answers, ask
from gorae.trust.caution import Caution, make_caution
from gorae.trust.cautious import CautiousClassifier
from gorae.trust.detectors import DETECTORS
from gorae.trust.gathering import Gathered, gather
from gorae.trust.reading import caution_from_state

__all__ = [
    "DETECTORS",
    "Answers",
    "Caution",
    "CautiousClassifier",
    "Gathered",
    "ask",
    "caution_from_state",
    "gather",
    "make_caution",
]
