"""Estimators with scikit-learn's contract: they check, have the engine train, and keep what was learned.

`MLPClassifier(members=5).fit(X, y)` trains five networks as one population; `save` and `load` keep a fitted
estimator in a file that holds arrays and JSON and never runs code.
"""

from gorae.estimators.bayes import GaussianBayes
from gorae.estimators.cnn import CNNClassifier, CNNRegressor
from gorae.estimators.diagnosing import diagnose
from gorae.estimators.linear import LinearClassifier, LinearRegressor
from gorae.estimators.loading import load
from gorae.estimators.mlp import MLPClassifier, MLPRegressor
from gorae.estimators.neighbors import KNeighborsClassifier, KNeighborsRegressor
from gorae.estimators.neural import NeuralClassifier, NeuralRegressor
from gorae.estimators.perceptron import Perceptron
from gorae.estimators.quantiles import LinearQuantileRegressor, MLPQuantileRegressor
from gorae.estimators.sequences import SequenceClassifier, SequenceRegressor
from gorae.estimators.tag_scoring import tag_scorer
from gorae.estimators.tagger import SequenceTagger
from gorae.estimators.weight_search import WeightSearchClassifier

__all__ = [
    "CNNClassifier",
    "CNNRegressor",
    "GaussianBayes",
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "LinearClassifier",
    "LinearQuantileRegressor",
    "LinearRegressor",
    "MLPClassifier",
    "MLPQuantileRegressor",
    "MLPRegressor",
    "NeuralClassifier",
    "NeuralRegressor",
    "Perceptron",
    "SequenceClassifier",
    "SequenceRegressor",
    "SequenceTagger",
    "WeightSearchClassifier",
    "diagnose",
    "load",
    "tag_scorer",
]
