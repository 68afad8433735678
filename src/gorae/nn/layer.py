"""What every layer is, and what surrounds one call of it."""

import abc
from collections.abc import Callable
from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

__all__ = ["Context", "Layer", "inference"]


class Context(eqx.Module):
    """What surrounds one pass over a batch: randomness, purpose, and which rows are real.

    Args:
        key: Source of all randomness of the pass; None where nothing random is wanted.
        training: Whether dropout drops and batch normalisation uses the batch's own statistics.
            It is static: training and inference are two compiled programs.
        mask: 1 for a row that counts and 0 for padding; None where all rows count. A weight of k
            counts as k copies of the row wherever a layer takes statistics over the batch.
        lengths: How many of a row's steps are real, where rows are sequences padded to one length; None
            where all are. What stands in the others is of no account.
        begins: At which steps a sequence begins, where a row holds several one after the other; None where a
            row is one.
        units: How many of a row's features are real, where layers of several widths are padded to one; None
            where all are (`gorae.nn.Widened`).
        part: Which part of a batch this is, from 0, where one is cut into equal parts; None for all of it.
        parts: How many those are.

    Example:
        >>> import jax
        >>> context = Context(jax.random.key(0), training=True)
        >>> bool(context.fold(0).key == context.fold(1).key)
        False
    """

    key: PRNGKeyArray | None
    training: bool = eqx.field(static=True)
    mask: Float[Array, " batch"] | Bool[Array, " batch"] | None = None
    lengths: Int[Array, " batch"] | None = None
    begins: Bool[Array, "batch time"] | None = None
    units: Float[Array, ""] | None = None
    part: Int[Array, ""] | None = None
    parts: int = eqx.field(static=True, default=1)

    def fold(self, index: int) -> "Context":
        """Return the context of sub-layer ``index``, with a key that is that sub-layer's own."""
        if self.key is None:
            return self
        return replace(self, key=jax.random.fold_in(self.key, index))

    def drawn(self, draw: Callable[[tuple[int, ...]], Array], shape: tuple[int, ...]) -> Array:
        """Return random numbers for rows, which are the same in a whole batch and in parts of it.

        Args:
            draw: From a shape to numbers, by the context's key.
            shape: What is wanted, rows on the first axis.
        """
        if self.part is None:
            return draw(shape)
        whole = draw((shape[0] * self.parts, *shape[1:]))
        return jax.lax.dynamic_slice_in_dim(whole, self.part * shape[0], shape[0])


def inference() -> Context:
    """Return the context of a prediction: nothing random, running statistics, every row real.

    Example:
        >>> inference().training
        False
    """
    return Context(key=None, training=False)


class Layer(eqx.Module):
    """A function of a batch with arrays inside: parameters, and buffers that training updates.

    A layer is immutable. A call returns, beside its outputs, the layer that the next call should
    use; only layers with buffers (batch normalisation) return another one than themselves.
    """

    @abc.abstractmethod
    def __call__(
        self, x: Float[Array, "batch ..."], context: Context
    ) -> tuple[Float[Array, "batch ..."], Self]:
        """Apply the layer to a batch.

        Args:
            x: Rows on the first axis.
            context: Randomness, purpose and row mask of this pass.

        Returns:
            The outputs, rows on the first axis, and the layer with its buffers as they are now.
        """
