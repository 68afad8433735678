"""What a fit tells about itself: each thing that did not go as it should, once and in words."""

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from gorae.errors import DivergenceWarning, GoraeWarning
from gorae.estimators.population import Recipe
from gorae.train import History, MemberResult

_TO_THE_CALLER_OF_FIT = 4


def tell_outcome(
    trained: Sequence[tuple[Recipe, MemberResult]], interrupted: bool, asked: int, *, quick: bool
) -> None:
    """Warn of an interruption, of members that diverged, and of a loss that was still falling.

    Args:
        trained: the members that there are, each with what it was trained by.
        interrupted: whether Ctrl-C cut the training short.
        asked: how many members there should be.
        quick: whether one epoch was all that was wanted, so that nothing is said about convergence.
    """
    if interrupted:
        epochs = [member.epochs for _, member in trained]
        _warn(
            GoraeWarning,
            f"training was interrupted: the model has {len(trained)} of {asked} members, trained for "
            f"{min(epochs)} to {max(epochs)} epochs.",
        )
    diverged = [(recipe, member) for recipe, member in trained if member.diverged]
    if diverged:
        step = min(member.diverged_step for _, member in diverged)
        _warn(
            DivergenceWarning,
            f"{len(diverged)} of {len(trained)} members left the finite numbers (at step {step}) and were "
            "frozen at their last finite parameters; "
            f"learning_rate={diverged[0][0].hyper['learning_rate']:g} may be too large.",
        )
    elif not interrupted and not quick and any(_ran_out(recipe, member) for recipe, member in trained):
        recipe, member = trained[0]
        _warn(
            ConvergenceWarning,
            f"after all {member.epochs} epochs the training loss was still falling by more than "
            f"tol={recipe.hyper['tol']:g} an epoch; more epochs or a larger learning_rate may fit better.",
        )


def _warn(category: type[Warning], sentence: str) -> None:
    """Warn at the line that called `fit`."""
    warnings.warn(sentence, category, stacklevel=_TO_THE_CALLER_OF_FIT + 1)


def _ran_out(recipe: Recipe, member: MemberResult) -> bool:
    """Return whether a member without early stopping used up its epochs while its loss still fell."""
    tol = recipe.hyper.get("tol", 0.0)
    watched = bool(np.isfinite(member.history.validation_loss).any())
    if watched or tol <= 0 or member.epochs < recipe.hyper["epochs"]:
        return False
    return fall_an_epoch(member.history, int(recipe.hyper["patience"])) > tol


def fall_an_epoch(history: History, epochs: int) -> float:
    """Return by how much the training loss fell an epoch at the end.

    The mean over the last epochs is compared with the mean over as many before them, so that the noise of
    minibatches counts little.

    Args:
        history: of one member.
        epochs: how many, at most half of all; 0 is told where there are not twice as many.

    Returns:
        The fall an epoch; negative where the loss rose.
    """
    loss = history.train_loss
    if len(loss) < 2 * epochs:
        return 0.0
    return float(loss[-2 * epochs : -epochs].mean() - loss[-epochs:].mean()) / epochs
