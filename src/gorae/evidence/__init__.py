"""What is said about a model that was measured out of its training rows.

Functions from arrays (losses of out-of-fold rows, scores of folds, probabilities, hidden features, histories)
to small frozen answers. They know nothing of gorae's models, so they serve any.

* ``metrics``: a loss per row, and the score that rows have together
* ``intervals``: the interval of a cross-validated score and of a held-out one
* ``comparison``: is one model better than another; the simplest model that comes close
* ``gap``: fits well, overfits, underfits or cannot be judged
* ``calibration``, ``confusion``, ``hardest``: where the errors are
* ``scaling``: probabilities brought to the scale on which they come true
* ``conformal``: sets and intervals that hold the truth as often as they state
* ``quantiles``: what quantiles cost, and those between them
* ``labels``: which labels may be wrong
* ``duplicates``, ``leakage``: rows that are there twice, and what may tell a model the answer
* ``learning_curve``: what more data would bring
* ``uncertainty``, ``doubt``: what is undecided in a row, and what more data would settle
* ``novelty``: how unlike the training data a row is
* ``neighbours``: which rows an answer resembles
* ``history``: curves of many members as one band
* ``diagnosis``: what is wrong with a fit, and what to try
* ``proportion``, ``spread``, ``resampled``: the statistics they stand on
"""

from gorae.evidence.calibration import Reliability, reliability
from gorae.evidence.comparison import (
    Close,
    Comparison,
    held_out_comparison,
    paired_comparison,
    paired_row_comparison,
    simplest_close,
)
from gorae.evidence.conformal import (
    class_scores,
    conformal_threshold,
    cross_conformal_intervals,
    cross_conformal_sets,
    fewest_calibration_rows,
    quantile_scores,
    thresholds_out_of_fold,
    uncrossed,
)
from gorae.evidence.confusion import Confusion, confusion
from gorae.evidence.diagnosis import (
    ILLNESSES,
    ClassAnswers,
    Curves,
    Diagnosis,
    Examined,
    HiddenLayer,
    Scores,
    Verdict,
    judge,
    split_scores,
)
from gorae.evidence.doubt import Doubt, doubt
from gorae.evidence.duplicates import Duplicates, find_duplicates
from gorae.evidence.gap import Gap, gap_verdict
from gorae.evidence.hardest import HardRow, hardest
from gorae.evidence.history import Band, band
from gorae.evidence.intervals import (
    Interval,
    cross_validated_interval,
    fold_score_interval,
    held_out_interval,
    optimism_inflation,
)
from gorae.evidence.labels import LabelAudit, audit_labels
from gorae.evidence.leakage import (
    Suspect,
    leaking_columns,
    looks_like_counter,
    order_effect,
    ordered_suspect,
)
from gorae.evidence.learning_curve import LearningCurve, fit_learning_curve
from gorae.evidence.metrics import METRICS, higher_is_better, perfect_score, row_losses, score_of
from gorae.evidence.neighbours import NEIGHBOUR_METRICS, nearest, neighbour_shares
from gorae.evidence.novelty import (
    ClassGaussians,
    by_disagreement,
    by_distance,
    by_energy,
    by_largest_logit,
    by_largest_probability,
    fit_class_gaussians,
)
from gorae.evidence.proportion import wilson
from gorae.evidence.quantiles import interval_scores, pinball_losses, pinball_skill, quantiles_between
from gorae.evidence.scaling import (
    SCALINGS,
    Scaling,
    choose_scaling,
    fit_scaling,
    logits_of,
    scaled_out_of_fold,
)
from gorae.evidence.uncertainty import Uncertainty, uncertainty

__all__ = [
    "ILLNESSES",
    "METRICS",
    "NEIGHBOUR_METRICS",
    "SCALINGS",
    "Band",
    "ClassAnswers",
    "ClassGaussians",
    "Close",
    "Comparison",
    "Confusion",
    "Curves",
    "Diagnosis",
    "Doubt",
    "Duplicates",
    "Examined",
    "Gap",
    "HardRow",
    "HiddenLayer",
    "Interval",
    "LabelAudit",
    "LearningCurve",
    "Reliability",
    "Scaling",
    "Scores",
    "Suspect",
    "Uncertainty",
    "Verdict",
    "audit_labels",
    "band",
    "by_disagreement",
    "by_distance",
    "by_energy",
    "by_largest_logit",
    "by_largest_probability",
    "choose_scaling",
    "class_scores",
    "conformal_threshold",
    "confusion",
    "cross_conformal_intervals",
    "cross_conformal_sets",
    "cross_validated_interval",
    "doubt",
    "fewest_calibration_rows",
    "find_duplicates",
    "fit_class_gaussians",
    "fit_learning_curve",
    "fit_scaling",
    "fold_score_interval",
    "gap_verdict",
    "hardest",
    "held_out_comparison",
    "held_out_interval",
    "higher_is_better",
    "interval_scores",
    "judge",
    "leaking_columns",
    "logits_of",
    "looks_like_counter",
    "nearest",
    "neighbour_shares",
    "optimism_inflation",
    "order_effect",
    "ordered_suspect",
    "paired_comparison",
    "paired_row_comparison",
    "perfect_score",
    "pinball_losses",
    "pinball_skill",
    "quantile_scores",
    "quantiles_between",
    "reliability",
    "row_losses",
    "scaled_out_of_fold",
    "score_of",
    "simplest_close",
    "split_scores",
    "thresholds_out_of_fold",
    "uncertainty",
    "uncrossed",
    "wilson",
]
