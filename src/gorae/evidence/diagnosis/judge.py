"""All looks at a fit as one diagnosis."""

from gorae.evidence.diagnosis.balance import judge_balance
from gorae.evidence.diagnosis.dropout import judge_dropout
from gorae.evidence.diagnosis.fit import judge_fit
from gorae.evidence.diagnosis.gradients import explodes, judge_gradients
from gorae.evidence.diagnosis.pace import judge_pace
from gorae.evidence.diagnosis.seen import Curves, Examined, HiddenLayer
from gorae.evidence.diagnosis.units import judge_units
from gorae.evidence.diagnosis.verdict import ILLNESSES, Diagnosis, Look

__all__ = ["judge"]


def judge(examined: Examined) -> Diagnosis:
    """Say what is wrong with a fit, each verdict with the figure it rests on and one thing to try.

    Causes are looked for before what follows from them: gradients that explode before the first step are not
    blamed on the learning rate; those that vanish are not reported where units died or training overshot; a
    score that is poor for one of these reasons is not called underfitting.

    Args:
        examined: What is known of the fit; nothing is said of what is not.

    Returns:
        The verdicts, causes first; what was looked at; what could not be judged.

    Example:
        >>> from gorae.evidence.diagnosis import ClassAnswers
        >>> import numpy as np
        >>> rare = ClassAnswers(("no", "yes"), np.array([980, 20]), np.array([[490, 0], [20, 5]]))
        >>> [verdict.illness for verdict in judge(Examined(classes=rare))]
        ['class imbalance']
    """
    looks = [] if examined.curves is None else _training(examined.curves, examined.hidden)
    causes = any(look.verdicts for look in looks)
    if examined.scores is not None:
        looks.append(judge_fit(examined.scores, examined.curves, explained=causes))
    if examined.classes is not None:
        looks.append(judge_balance(examined.classes))
    verdicts = [verdict for look in looks for verdict in look.verdicts]
    return Diagnosis(
        verdicts=tuple(sorted(verdicts, key=lambda verdict: ILLNESSES.index(verdict.illness))),
        looked_at=tuple(look.at for look in looks if look.at),
        not_judged=(*(look.missing for look in looks if look.missing), *examined.missing),
    )


def _training(curves: Curves, hidden: tuple[HiddenLayer, ...]) -> list[Look]:
    """Look at units, gradients, the pace of training and dropout, each knowing what was found before."""
    units = judge_units(hidden)
    gradients = judge_gradients(curves)
    if explodes(curves):
        return [gradients, units]
    pace = judge_pace(curves, explained=bool(units.verdicts or gradients.verdicts))
    if units.verdicts or pace.verdicts:
        gradients = Look(gradients.at)
    return [pace, gradients, units, judge_dropout(curves)]
