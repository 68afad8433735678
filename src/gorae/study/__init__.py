"""`Study`: from a data set to a model with its evidence, within a time budget.

`audit` tells what is wrong with the data, `curve_of_data` how much more of them would help, `similar` what
rows resemble.
"""

from gorae.study.auditing import audit
from gorae.study.comparing_rows import similar
from gorae.study.curves import DataCurve, curve_of_data
from gorae.study.label_audit import Audit
from gorae.study.loading import load
from gorae.study.looking import Look, look
from gorae.study.model import StudyModel
from gorae.study.plan import MODELS, Plan, make_plan
from gorae.study.similarity_found import Similarity
from gorae.study.stored import load_study_model
from gorae.study.study import Study

__all__ = [
    "MODELS",
    "Audit",
    "DataCurve",
    "Look",
    "Plan",
    "Similarity",
    "Study",
    "StudyModel",
    "audit",
    "curve_of_data",
    "load",
    "load_study_model",
    "look",
    "make_plan",
    "similar",
]
