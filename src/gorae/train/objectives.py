"""Objectives: from the outputs of a batch and its targets to one loss a row.

Every objective has the signature `(outputs, targets, smoothing) -> losses`, with shapes
`(batch, outputs)`, `(batch,)` or `(batch, outputs)`, `()` and `(batch,)`; what the pinball loss has in the
place of smoothing are its levels, `(outputs,)`, and outputs and targets of `tagging` have an axis of tokens.
Sample weights are applied by the training program, so that every objective has them.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from gorae.errors import ParameterError, closest
from gorae.train.tagging import TAG_OBJECTIVES

Objective = Callable[[Array, Array, Array | float], Array]
_WRONG = 1e-20


def cross_entropy(
    outputs: Float[Array, "batch classes"], targets: Int[Array, " batch"], smoothing: Array | float = 0.0
) -> Float[Array, " batch"]:
    r"""Cross-entropy of the softmax of the outputs, with label smoothing.

    $L = -\sum_c q_c \log p_c$ with $p = \mathrm{softmax}(s)$ and
    $q_c = (1-\epsilon)\,[c = y] + \epsilon / C$.

    Args:
        outputs: scores s (logits), one column a class.
        targets: class codes y in 0..C-1.
        smoothing: epsilon in [0, 1); 0 is the plain cross-entropy.

    Returns:
        One loss a row, in nats.

    Example:
        >>> float(cross_entropy(jnp.zeros((1, 4)), jnp.array([2]))[0])  # log 4
        1.386294...

    References:
        Szegedy et al. 2016, Rethinking the Inception Architecture, section 7 (label smoothing).
    """
    log_p = jax.nn.log_softmax(outputs, axis=-1)
    wanted = (1.0 - smoothing) * jax.nn.one_hot(targets, outputs.shape[-1]) + smoothing / outputs.shape[-1]
    return -jnp.sum(wanted * log_p, axis=-1)  # a sum: the gradient of picking one column is a slow scatter


def squared_error(
    outputs: Float[Array, "batch outputs"],
    targets: Float[Array, "batch outputs"],
    smoothing: Array | float = 0.0,
) -> Float[Array, " batch"]:
    r"""Half the squared error, averaged over the outputs: $L = \frac{1}{2K}\sum_k (s_k - y_k)^2$.

    Args:
        outputs: predictions s.
        targets: wanted values y.
        smoothing: has no meaning here and is ignored.

    Returns:
        One loss a row, in the target's unit squared.

    Example:
        >>> float(squared_error(jnp.array([[3.0]]), jnp.array([[1.0]]))[0])
        2.0
    """
    del smoothing
    return 0.5 * jnp.mean((outputs - targets) ** 2, axis=-1)


def pinball(
    outputs: Float[Array, "batch outputs"],
    targets: Float[Array, "batch _"],
    levels: Float[Array, " outputs"] | float,
) -> Float[Array, " batch"]:
    r"""Pinball loss, whose expectation is least at quantiles, averaged over the outputs.

    $L = \frac{1}{K}\sum_k \max(\tau_k u_k, (\tau_k - 1) u_k)$ with $u_k = y - s_k$: too low costs $\tau_k$
    a unit, too high $1 - \tau_k$, and both are even where a share $\tau_k$ of targets lies below.

    Args:
        outputs: quantiles s, one column a level.
        targets: the value y, one column for all levels, or one each.
        levels: tau in (0, 1), one a column, or one for all.

    Returns:
        One loss a row, in the target's unit.

    Example:
        >>> levels = jnp.array([0.25, 0.75])
        >>> float(pinball(jnp.array([[1.0, 1.0]]), jnp.array([[3.0]]), levels)[0])  # (0.25 + 0.75) 2 / 2
        1.0

    References:
        Koenker & Bassett 1978, Regression Quantiles, section 3, eq. 3.1.
    """
    above = targets - outputs
    return jnp.mean(jnp.maximum(levels * above, (levels - 1.0) * above), axis=-1)


def hinge_weston_watkins(
    outputs: Float[Array, "batch classes"], targets: Int[Array, " batch"], smoothing: Array | float = 0.0
) -> Float[Array, " batch"]:
    r"""Multi-class hinge that sums over all wrong classes: $\sum_{c \ne y} \max(0, s_c - s_y + 1)$.

    Args:
        outputs: scores s, one column a class.
        targets: class codes y.
        smoothing: has no meaning here and is ignored.

    Returns:
        One loss a row.

    Example:
        >>> scores = jnp.array([[3.2, 5.1, -1.7]])  # the worked case of the cs231n notes
        >>> round(float(hinge_weston_watkins(scores, jnp.array([0]))[0]), 1)
        2.9

    References:
        Weston & Watkins 1999, Support Vector Machines for Multi-Class Pattern Recognition, eq. 8 (loss);
        Stanford cs231n, linear classification notes.
    """
    del smoothing
    margins = _margins(outputs, targets)
    return jnp.sum(jnp.maximum(margins, 0.0), axis=-1)


def hinge_crammer_singer(
    outputs: Float[Array, "batch classes"], targets: Int[Array, " batch"], smoothing: Array | float = 0.0
) -> Float[Array, " batch"]:
    r"""Multi-class hinge of the strongest wrong class: $\max(0, \max_{c \ne y} s_c - s_y + 1)$.

    Args:
        outputs: scores s, one column a class.
        targets: class codes y.
        smoothing: has no meaning here and is ignored.

    Returns:
        One loss a row.

    Example:
        >>> scores = jnp.array([[1.0, 3.0, 2.5]])
        >>> float(hinge_crammer_singer(scores, jnp.array([0]))[0])
        3.0

    References:
        Crammer & Singer 2001, On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines,
        section 3, eq. 2.
    """
    del smoothing
    return jnp.maximum(jnp.max(_margins(outputs, targets), axis=-1), 0.0)


def perceptron(
    outputs: Float[Array, "batch classes"], targets: Int[Array, " batch"], smoothing: Array | float = 0.0
) -> Float[Array, " batch"]:
    r"""Rosenblatt's criterion, one unit a class: $\sum_c \max(0, -t_c s_c)$ with $t_c = \pm 1$.

    Its gradient with rate 1 and one row a step is the perceptron rule $w_c \leftarrow w_c + t_c x$ for every
    unit whose step function $[s_c > 0]$ answers wrongly. A score of exactly 0 counts as wrong, so that
    training leaves the zero start; wrong answers cost 1e-20 besides, so that the loss is 0 only without any.

    Args:
        outputs: scores s, one column a unit.
        targets: class codes y; $t_c = 1$ where $c = y$, else $-1$.
        smoothing: has no meaning here and is ignored.

    Returns:
        One loss a row; 0 when every unit answers rightly.

    Example:
        >>> float(perceptron(jnp.array([[-2.0, 0.5]]), jnp.array([0]))[0])
        2.5

    References:
        Rosenblatt 1958; Bishop 2006, Pattern Recognition and Machine Learning, section 4.1.7, eq. 4.54.
    """
    del smoothing
    signs = 2.0 * jax.nn.one_hot(targets, outputs.shape[-1]) - 1.0
    agreement = signs * outputs
    return jnp.sum(jnp.where(agreement > 0.0, 0.0, _WRONG - agreement), axis=-1)


def _margins(outputs: Array, targets: Array) -> Array:
    """Return s_c - s_y + 1 for the wrong classes and -inf for the right one."""
    own = jax.nn.one_hot(targets, outputs.shape[-1], dtype=bool)
    right = jnp.sum(jnp.where(own, outputs, 0.0), axis=-1, keepdims=True)
    return jnp.where(own, -jnp.inf, outputs - right + 1.0)


OBJECTIVES: dict[str, Objective] = {
    "cross_entropy": cross_entropy,
    "squared_error": squared_error,
    "pinball": pinball,
    "hinge_weston_watkins": hinge_weston_watkins,
    "hinge_crammer_singer": hinge_crammer_singer,
    "perceptron": perceptron,
    **TAG_OBJECTIVES,
}


def find_objective(name: str) -> Objective:
    """Return the objective of that name.

    Raises:
        ParameterError: for another name; it suggests the near one.
    """
    if name not in OBJECTIVES:
        near = closest(name, list(OBJECTIVES))
        hint = f" Did you mean {near!r}?" if near else ""
        raise ParameterError(f"objective must be one of {list(OBJECTIVES)}, got {name!r}.{hint}")
    return OBJECTIVES[name]


def row_losses(
    name: str,
    outputs: Float[Array, "batch outputs"],
    targets: Array,
    hyper: Mapping[str, Array],
    *,
    training: bool,
) -> Float[Array, " batch"]:
    """Return the loss of each row as a member counts it.

    Args:
        name: of the objective.
        outputs: what the member answers.
        targets: class codes or values.
        hyper: the member's numbers.
        training: whether rows are learned from: label smoothing is for training and counts nowhere else.
    """
    objective = find_objective(name)
    if objective is pinball:
        return objective(outputs, targets, hyper["levels"])
    return objective(outputs, targets, hyper["label_smoothing"] if training else 0.0)
