r"""Linear-chain conditional random field: tags that depend on their neighbours.

A sequence of T tokens has a score $e_{t,k}$ for each of K tags at each token; the chain adds a score for the
tag that a sequence begins with, for the one it ends with, and for each pair of neighbours:

$s(y) = a_{y_1} + \sum_t e_{t,y_t} + \sum_{t>1} A_{y_{t-1},y_t} + b_{y_T}$ and
$p(y) = e^{s(y)} / Z$, $Z = \sum_{y'} e^{s(y')}$,

where the sum goes over all $K^T$ sequences of tags and the forward algorithm needs $T K^2$ steps for it.

Sequences may be packed: several of them one after the other in one row of T places. A row then is a product
of chains, and between the end of one and the begin of the next the pair's score is $b_i + a_j$.

Letters: T places of a row, K tags. All functions are for one row; map them over a batch with `jax.vmap`.

References:
    Lafferty, McCallum & Pereira 2001, "Conditional random fields", section 3.
    Rabiner 1989, "A tutorial on hidden Markov models", section III (forward algorithm, Viterbi).
    Collobert et al. 2011, "Natural language processing (almost) from scratch", section 3.3.2.
"""

from typing import NamedTuple, final

import jax
import jax.numpy as jnp
from jax.nn import logsumexp
from jaxtyping import Array, Bool, Float, Int

from gorae.nn.checks import positive_integer
from gorae.nn.layer import Context, Layer

__all__ = ["ChainScores", "ChainTags", "chain_log_likelihood", "chain_log_partition", "viterbi"]


class ChainScores(NamedTuple):
    """The scores of one row.

    Attributes:
        emission: e, of each tag at each place.
        begin: a, of each tag at the begin of a sequence.
        end: b, of each tag at the end of one.
        pair: A, of tag i before tag j.
    """

    emission: Float[Array, "T K"]
    begin: Float[Array, " K"]
    end: Float[Array, " K"]
    pair: Float[Array, "K K"]


def chain_log_partition(
    scores: ChainScores, begins: Bool[Array, " T"], real: Bool[Array, " T"]
) -> Float[Array, ""]:
    r"""Return log Z of a row by the forward algorithm.

    $\alpha_1 = a + e_1$, $\alpha_{t,j} = e_{t,j} + \log \sum_i \exp(\alpha_{t-1,i} + A_{i,j})$ and
    $\log Z = \log \sum_i \exp(\alpha_{T,i} + b_i)$.

    Args:
        scores: of the row.
        begins: where a sequence begins; its first place does.
        real: which places hold a token; the others change nothing. The first place is real.

    Returns:
        The sum of log Z over the row's sequences.

    Example:
        >>> yes = jnp.ones(3, bool)
        >>> scores = ChainScores(jnp.zeros((3, 2)), jnp.zeros(2), jnp.zeros(2), jnp.zeros((2, 2)))
        >>> round(float(chain_log_partition(scores, jnp.arange(3) == 0, yes)), 4)  # 3 log 2: all are alike
        2.0794
    """

    def step(alpha: Array, place: tuple[Array, Array, Array]) -> tuple[Array, None]:
        emission, begin, is_real = place
        after = logsumexp(alpha[:, None] + _pairs(scores, begin), axis=0) + emission
        return jnp.where(is_real, after, alpha), None

    first = scores.begin + scores.emission[0]
    alpha, _ = jax.lax.scan(step, first, (scores.emission[1:], begins[1:], real[1:]))
    return logsumexp(alpha + scores.end)


def chain_log_likelihood(
    scores: ChainScores, tags: Int[Array, " T"], begins: Bool[Array, " T"], real: Bool[Array, " T"]
) -> Float[Array, ""]:
    """Return log p of the tags of a row: the sum over its sequences.

    Args:
        scores: of the row.
        tags: one a place, 0..K-1; those of places that are not real do not count.
        begins: where a sequence begins.
        real: which places hold a token.

    Example:
        >>> scores = ChainScores(jnp.zeros((3, 2)), jnp.zeros(2), jnp.zeros(2), jnp.zeros((2, 2)))
        >>> first, real, tags = jnp.arange(3) == 0, jnp.ones(3, bool), jnp.array([0, 1, 1])
        >>> round(float(chain_log_likelihood(scores, tags, first, real)), 4)  # -3 log 2
        -2.0794
    """
    wanted = jax.nn.one_hot(tags, scores.begin.shape[0]) * real[:, None]  # sums: picking is a slow scatter
    before, after = wanted[:-1], wanted[1:]
    new = begins[1:, None]
    score = jnp.sum(wanted * scores.emission) + jnp.sum(wanted[0] * scores.begin)
    inside = jnp.where(new, 0.0, after)
    score += jnp.sum((before.T @ inside) * scores.pair)
    score += jnp.sum(jnp.where(new, after, 0.0) * scores.begin)
    ends = real & ~jnp.append(real[1:] & ~begins[1:], False)
    score += jnp.sum(wanted * ends[:, None] * scores.end)
    return score - chain_log_partition(scores, begins, real)


def viterbi(
    scores: ChainScores, begins: Bool[Array, " T"], real: Bool[Array, " T"]
) -> tuple[Int[Array, " T"], Float[Array, ""]]:
    r"""Return the most probable tags of a row, and their score.

    The forward algorithm with a maximum in the place of the sum, and back along what was the maximum. Of
    equally good tags the first is taken.

    Args:
        scores: of the row.
        begins: where a sequence begins.
        real: which places hold a token.

    Returns:
        The tags (at places that are not real: that of the last real one) and s of them.

    Example:
        >>> pair = jnp.array([[0.0, 5.0], [5.0, 0.0]])  # neighbours that differ
        >>> scores = ChainScores(jnp.eye(3, 2), jnp.zeros(2), jnp.zeros(2), pair)
        >>> tags, score = viterbi(scores, jnp.arange(3) == 0, jnp.ones(3, bool))
        >>> tags.tolist(), float(score)  # 0, 1, 0: 1 + 5 + 1 + 5 + 0
        ([0, 1, 0], 12.0)
    """

    def step(best: Array, place: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        emission, begin, is_real = place
        candidates = best[:, None] + _pairs(scores, begin)
        after = jnp.max(candidates, axis=0) + emission
        back = jnp.where(is_real, jnp.argmax(candidates, axis=0), jnp.arange(len(best)))
        return jnp.where(is_real, after, best), back

    first = scores.begin + scores.emission[0]
    best, backs = jax.lax.scan(step, first, (scores.emission[1:], begins[1:], real[1:]))
    best = best + scores.end
    last = jnp.argmax(best)
    _, before = jax.lax.scan(lambda tag, back: (back[tag], back[tag]), last, backs, reverse=True)
    return jnp.append(before, last), jnp.max(best)


def _pairs(scores: ChainScores, begin: Bool[Array, ""]) -> Float[Array, "K K"]:
    """Return the scores of a place's tag after its neighbour's: another chain's where a sequence begins."""
    return jnp.where(begin, scores.end[:, None] + scores.begin, scores.pair)


@final
class ChainTags(Layer):
    """Puts the chain's own scores behind the emissions, so that one array holds all that an objective needs.

    Args:
        begin: a, of each tag at the begin of a sequence.
        end: b, of each tag at the end of one.
        pair: A, of tag i before tag j.

    Example:
        >>> from gorae.nn import inference
        >>> outputs, _ = ChainTags.create(3)(jnp.ones((2, 4, 3)), inference())
        >>> outputs.shape, ChainTags.scores(outputs[0]).emission.shape
        ((2, 9, 3), (4, 3))
    """

    begin: Float[Array, " K"]
    end: Float[Array, " K"]
    pair: Float[Array, "K K"]

    @classmethod
    def create(cls, tags: int) -> "ChainTags":
        """Return a chain in which nothing depends on neighbours yet: all its scores are 0.

        Raises:
            ParameterError: If `tags` is no integer of at least 1.
        """
        count = positive_integer("tags", tags)
        nothing = jnp.zeros(count, jnp.float32)
        return cls(nothing, nothing, jnp.zeros((count, count), jnp.float32))

    def __call__(
        self, x: Float[Array, "batch T K"], context: Context
    ) -> tuple[Float[Array, "batch T+K+2 K"], "ChainTags"]:
        """Return emissions, begin, end and pairs below each other, for each row of the batch."""
        chain = jnp.concatenate([self.begin[None], self.end[None], self.pair])
        return jnp.concatenate([x, jnp.broadcast_to(chain, (len(x), *chain.shape))], axis=1), self

    @staticmethod
    def scores(outputs: Float[Array, "T+K+2 K"]) -> ChainScores:
        """Return the scores of a row out of what the layer gives for it."""
        places = outputs.shape[0] - outputs.shape[1] - 2
        return ChainScores(outputs[:places], outputs[places], outputs[places + 1], outputs[places + 2 :])
