"""Models that know what they do not know: evidence from out-of-fold rows, given along with a model.

* ``given``: what a cautious model is given, checked
* ``answers``: what a fitted classifier says of rows: probabilities, logits, features
* ``parts``: a model fitted on many parts of the rows, as one population
* ``draws``: numbers that rows draw themselves
* ``detectors``: scores of how unlike the training data a row is
* ``gathering``: what is learned about a model from rows that it has not seen
* ``audit``: which labels of the rows look wrong
* ``judge``, ``panel``: which rows are unlike the training data, at a stated share of false alarms
* ``calibration``: the scale of probabilities, and sets of classes
* ``cautious``: `CautiousClassifier`, the estimator made of all
* ``subsets``, ``scoring``, ``learning_curve``, ``measured_curve``: what more data would bring
* ``ends``, ``bounds``: what a value lies between: as a regressor says, and as it holds
* ``regressor``: `CautiousRegressor`, with intervals
"""

from gorae.trust.answers import Answers, ask, features_width
from gorae.trust.audit import RowAudit, audit_rows, default_auditor
from gorae.trust.bounds import Bounded, Bounds, bounds_from_state, fit_bounds, mean_interval_score
from gorae.trust.calibration import Calibration, calibration_from_state, make_calibration
from gorae.trust.cautious import CautiousClassifier
from gorae.trust.detectors import DETECTORS
from gorae.trust.gathering import MOST_LEFT_OUT, Gathered, gather
from gorae.trust.judge import Judge, judge_from_state
from gorae.trust.learning_curve import learning_curve
from gorae.trust.measured_curve import MeasuredCurve
from gorae.trust.panel import Panel, make_panel, panel_from_state
from gorae.trust.regressor import CautiousRegressor

__all__ = [
    "DETECTORS",
    "MOST_LEFT_OUT",
    "Answers",
    "Bounded",
    "Bounds",
    "Calibration",
    "CautiousClassifier",
    "CautiousRegressor",
    "Gathered",
    "Judge",
    "MeasuredCurve",
    "Panel",
    "RowAudit",
    "ask",
    "audit_rows",
    "bounds_from_state",
    "calibration_from_state",
    "default_auditor",
    "features_width",
    "fit_bounds",
    "gather",
    "judge_from_state",
    "learning_curve",
    "make_calibration",
    "make_panel",
    "mean_interval_score",
    "panel_from_state",
]
