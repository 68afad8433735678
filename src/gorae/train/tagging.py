r"""Objectives whose rows are sequences: a tag a token, and what share of the tags is right.

Targets are whole numbers, one a place of the row: the tag's code y, plus the number of tags K where another
sequence begins than the one before (rows may hold several), and -1 where there is no token. The loss of a row
is the mean over its tokens; give rows as weight the number of their tokens, and every token counts alike.

Letters: rows of T places, K tags.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from gorae.nn import ChainTags, chain_log_likelihood, chain_log_partition, viterbi

__all__ = ["TAG_OBJECTIVES", "chain_answers", "crf", "decoded", "right_tags", "tag_cross_entropy"]


def tag_cross_entropy(
    outputs: Float[Array, "batch T K"], targets: Int[Array, "batch T"], smoothing: Array | float = 0.0
) -> Float[Array, " batch"]:
    r"""Cross-entropy of each token's softmax, averaged over the tokens of a row, with label smoothing.

    $L = -\frac{1}{n}\sum_{t,k} q_{t,k} \log p_{t,k}$ with $q_{t,k} = (1-\epsilon)[k = y_t] + \epsilon / K$.

    Args:
        outputs: scores of the tags at each place.
        targets: as this module's head says.
        smoothing: epsilon in [0, 1).

    Returns:
        One loss a row, in nats a token; 0 for a row without tokens.

    Example:
        >>> targets = jnp.array([[2, 0, -1]])
        >>> round(float(tag_cross_entropy(jnp.zeros((1, 3, 4)), targets)[0]), 4)  # log 4
        1.3863
    """
    tags, _, real = read_targets(targets, outputs.shape[-1])
    log_p = jax.nn.log_softmax(outputs, axis=-1)
    wanted = (1.0 - smoothing) * jax.nn.one_hot(tags, outputs.shape[-1]) + smoothing / outputs.shape[-1]
    losses = -jnp.sum(wanted * log_p, axis=-1)
    return jnp.sum(jnp.where(real, losses, 0.0), axis=-1) / jnp.maximum(jnp.sum(real, axis=-1), 1)


def crf(
    outputs: Float[Array, "batch T+K+2 K"], targets: Int[Array, "batch T"], smoothing: Array | float = 0.0
) -> Float[Array, " batch"]:
    r"""Negative log-likelihood of a linear-chain conditional random field, $-\frac{1}{n}\log p(y)$.

    Args:
        outputs: what `gorae.nn.ChainTags` gives: emissions and the chain's own scores.
        targets: as this module's head says; the first place of a row holds a token.
        smoothing: has no meaning here and is ignored.

    Returns:
        One loss a row, in nats a token.

    Example:
        >>> targets = jnp.array([[2, 0, -1]])
        >>> round(float(crf(jnp.zeros((1, 3 + 4 + 2, 4)), targets)[0]), 4)  # log 4
        1.3863

    References:
        Lafferty, McCallum & Pereira 2001, section 3.
    """
    del smoothing
    tags, begins, real = read_targets(targets, outputs.shape[-1])

    def one(outputs: Array, tags: Array, begins: Array, real: Array) -> Array:
        likelihood = chain_log_likelihood(ChainTags.scores(outputs), tags, begins, real)
        return -likelihood / jnp.maximum(jnp.sum(real), 1)

    return jax.vmap(one)(outputs, tags, begins, real)


TAG_OBJECTIVES = {"tag_cross_entropy": tag_cross_entropy, "crf": crf}
"""The objectives whose targets are tags."""


def decoded(
    objective: str,
    outputs: Float[Array, "batch places K"],
    begins: Bool[Array, "batch T"],
    real: Bool[Array, "batch T"],
) -> Int[Array, "batch T"]:
    """Return the tags that outputs answer: the best of each token, or of the whole chain.

    Args:
        objective: one of `TAG_OBJECTIVES`.
        outputs: of the network, as that objective reads them.
        begins: where a sequence begins.
        real: where there is a token.

    Example:
        >>> yes = jnp.ones((1, 2), bool)
        >>> decoded("tag_cross_entropy", jnp.array([[[1.0, 2.0], [3.0, 0.0]]]), yes, yes).tolist()
        [[1, 0]]
    """
    if objective == "crf":
        return jax.vmap(lambda *row: viterbi(ChainTags.scores(row[0]), *row[1:])[0])(outputs, begins, real)
    return jnp.argmax(outputs, axis=-1)


def right_tags(
    objective: str, outputs: Float[Array, "batch places K"], targets: Int[Array, "batch T"]
) -> Float[Array, " batch"]:
    """Return the share of each row's tokens whose tag is right; 0 for a row without tokens."""
    tags, begins, real = read_targets(targets, outputs.shape[-1])
    right = real & (decoded(objective, outputs, begins, real) == tags)
    return jnp.sum(right, axis=-1) / jnp.maximum(jnp.sum(real, axis=-1), 1)


def read_targets(
    targets: Int[Array, "batch T"], tags: int
) -> tuple[Int[Array, "batch T"], Bool[Array, "batch T"], Bool[Array, "batch T"]]:
    """Return tags, where a sequence begins, and where there is a token.

    Example:
        >>> [part.tolist() for part in read_targets(jnp.array([[7, 2, -1]]), 4)]
        [[[3, 2, 3]], [[True, False, False]], [[True, True, False]]]
    """
    return targets % tags, targets >= tags, targets >= 0


def chain_answers(
    outputs: Float[Array, "batch places K"],
    begins: Bool[Array, "batch T"],
    real: Bool[Array, "batch T"],
    *,
    shares: bool,
) -> Array:
    """Return the best tags of the chains in each row, or the probability of every tag at every place.

    The probability of a tag at a place, whatever the others, is the derivative of log Z by its emission.

    Args:
        outputs: what `gorae.nn.ChainTags` gives.
        begins: where a sequence begins.
        real: where there is a token.
        shares: whether probabilities `(batch, T, K)` are wanted, not tags `(batch, T)`.

    References:
        Sutton & McCallum 2012, "An introduction to conditional random fields", section 4.1 (marginals).
    """
    if not shares:
        return decoded("crf", outputs, begins, real)

    def one(outputs: Array, begins: Array, real: Array) -> Array:
        scores = ChainTags.scores(outputs)
        return jax.grad(lambda e: chain_log_partition(scores._replace(emission=e), begins, real))(
            scores.emission
        )

    return jax.vmap(one)(outputs, begins, real)
