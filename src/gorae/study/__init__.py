"""`Study`: from a data set to a model with its evidence, within a time budget."""

from gorae.study.loading import load
from gorae.study.model import StudyModel, load_study_model
from gorae.study.plan import MODELS, Plan, make_plan
from gorae.study.study import Study

__all__ = ["MODELS", "Plan", "Study", "StudyModel", "load", "load_study_model", "make_plan"]
