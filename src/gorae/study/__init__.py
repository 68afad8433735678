"""`Study`: from a data set to a model with its evidence, within a time budget.

`audit` tells what is wrong with the data.
"""

from gorae.study.auditing import audit
from gorae.study.label_audit import Audit
from gorae.study.loading import load
from gorae.study.model import StudyModel, load_study_model
from gorae.study.plan import MODELS, Plan, make_plan
from gorae.study.study import Study

__all__ = [
    "MODELS",
    "Audit",
    "Plan",
    "Study",
    "StudyModel",
    "audit",
    "load",
    "load_study_model",
    "make_plan",
]
