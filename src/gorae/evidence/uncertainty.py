"""How unsure an answer is, and which part of that more data could take away.

Letters of shapes: ``members`` of an ensemble; ``rows``; ``classes``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import entr

from gorae.errors import InputError

__all__ = ["Uncertainty", "uncertainty"]


@dataclass(frozen=True)
class Uncertainty:
    """The entropy of each answer in nats, and its two parts.

    Attributes:
        total: (rows,) entropy of the members' mean.
        aleatoric: (rows,) mean entropy of the members: what each of them finds undecided in the row itself.
        epistemic: (rows,) the difference: how much the members disagree, which more data would settle.
    """

    total: Float[np.ndarray, " rows"]
    aleatoric: Float[np.ndarray, " rows"]
    epistemic: Float[np.ndarray, " rows"]


def uncertainty(probabilities: Any) -> Uncertainty:
    r"""Split the entropy of an ensemble's answers into what is in the data and what is in the model.

    $H(\bar p) = \frac1M\sum_m H(p_m) + I$: the mutual information $I \ge 0$ between the answer and the member
    is 0 where all members say the same, and at most $\ln\min(M, K)$.

    Args:
        probabilities: (members, rows, classes) each summing to 1 over the classes.

    Raises:
        InputError: If there are fewer than two members, or a row is no distribution.

    Example:
        >>> agree = uncertainty([[[0.5, 0.5]], [[0.5, 0.5]]])
        >>> differ = uncertainty([[[1.0, 0.0]], [[0.0, 1.0]]])
        >>> agree.epistemic.tolist(), differ.aleatoric.tolist(), differ.epistemic.round(4).tolist()
        ([0.0], [0.0], [0.6931])

    References:
        Depeweg et al. (2018), "Decomposition of uncertainty in Bayesian deep learning", equation 3.
        Lakshminarayanan, Pritzel, Blundell (2017), "Deep ensembles", section 2.4.
    """
    stated = np.asarray(probabilities, np.float64)
    if stated.ndim != 3 or len(stated) < 2 or stated.shape[2] < 2:
        raise InputError(
            "probabilities must be (members, rows, classes), at least 2 members and 2 classes, but their "
            f"shape is {stated.shape}; fit with members=5, for instance."
        )
    sums = stated.sum(axis=2, keepdims=True)
    if not (np.abs(sums - 1) <= 1e-3).all() or not (stated >= 0).all():
        raise InputError("probabilities must be at least 0 and sum to 1 over the classes, for every member.")
    stated = stated / sums
    total = entr(stated.mean(axis=0)).sum(axis=1)
    aleatoric = entr(stated).sum(axis=2).mean(axis=0)
    return Uncertainty(total, aleatoric, np.maximum(total - aleatoric, 0.0))
