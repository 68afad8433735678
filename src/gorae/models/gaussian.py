r"""One Gaussian a class: its estimate by maximum likelihood with shrinkage, its density, and draws from it.

Everything happens in standard coordinates $z_j = (x_j - m_j) / s_j$, where $s_j$ is the pooled standard
deviation of feature j within the classes: so that shrinkage does not depend on units. Features that are
constant over all rows say nothing and take no part; draws repeat their value.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int
from scipy.linalg import cholesky, eigvalsh, solve_triangular

__all__ = ["COVARIANCES", "GaussianClasses", "draw", "fit_gaussians", "log_densities"]

COVARIANCES = ("full", "shared", "diagonal")
"""A covariance matrix for each class, one for all classes, or variances for each class."""

_FLOOR = 1e-9
"""The least variance in any direction, in units of the pooled variance."""
_BLOCK_ROWS = 8192
"""Rows whose densities are computed at once."""
_FAR = 1e100
"""Standard deviations beyond which a feature counts as no farther: every density then has a logarithm."""


@dataclass(frozen=True, eq=False)
class GaussianClasses:
    """Gaussians in standard coordinates.

    Attributes:
        center: m, (features,); the value itself where a feature is constant.
        scale: s, (features,); 1 where a feature is constant.
        active: which features are not constant, (features,).
        means: of each class, (classes, active).
        factors: lower Cholesky factors of the covariances, (classes, active, active), or (1, active, active)
            for a shared one; standard deviations (classes, active) for "diagonal".
    """

    center: Float64[np.ndarray, " features"]
    scale: Float64[np.ndarray, " features"]
    active: Bool[np.ndarray, " features"]
    means: Float64[np.ndarray, "classes active"]
    factors: Float64[np.ndarray, "groups active *active"]

    def class_means(self) -> Float64[np.ndarray, "classes features"]:
        """Return the means in the features' own units."""
        means = np.tile(self.center, (len(self.means), 1))
        means[:, self.active] += self.means * self.scale[self.active]
        return means

    def class_covariances(self) -> Float64[np.ndarray, "groups features *features"]:
        """Return the covariances in the features' own units; 0 where a feature is constant."""
        scale, features = self.scale[self.active], len(self.scale)
        if self.factors.ndim == 2:
            variances = np.zeros((len(self.factors), features))
            variances[:, self.active] = (self.factors * scale) ** 2
            return variances
        covariances = np.zeros((len(self.factors), features, features))
        for covariance, factor in zip(covariances, self.factors, strict=True):
            scaled = scale[:, None] * factor
            covariance[np.ix_(self.active, self.active)] = scaled @ scaled.T
        return covariances


def fit_gaussians(
    X: Float64[np.ndarray, "rows features"],
    codes: Int[np.ndarray, " rows"],
    weight: Float64[np.ndarray, " rows"],
    classes: int,
    *,
    covariance: str = "full",
    shrinkage: float | str = 1e-3,
) -> GaussianClasses:
    r"""Estimate a Gaussian for each class.

    Maximum likelihood divides by the number of rows n (the sum of weights), not n - 1. With R the covariance
    in standard coordinates and $v = \mathrm{tr}\,R / d$, the estimate is $(1 - a) R + a v I$; where its least
    eigenvalue is below 1e-9, a multiple of I raises it to that. A class without any spread of its own (one
    row, or copies of one) takes the pooled covariance; where no class has any, the identity takes its place.

    Args:
        X: finite rows.
        codes: the class of each row, 0 to classes - 1; every class has a row.
        weight: of each row, positive; weight k counts as k copies.
        classes: how many classes there are.
        covariance: "full", "shared" or "diagonal".
        shrinkage: a from 0 (maximum likelihood) to 1 (spheres in standard coordinates), or "auto" for Ledoit
            and Wolf's estimate from the spread of the rows' own products.

    Returns:
        The Gaussians.

    References:
        C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 4.2.2 (maximum likelihood).
        O. Ledoit, M. Wolf, A well-conditioned estimator for large-dimensional covariance matrices, J.
        Multivariate Analysis 88 (2004), equations 9-14.
    """
    low, high = X.min(axis=0), X.max(axis=0)
    active = high > low
    middle, half = low / 2 + high / 2, np.where(active, high / 2 - low / 2, 1.0)
    rows = (X[:, active] - middle[active]) / half[active]
    counts = np.bincount(codes, weight, classes)
    means = _class_sums(rows, codes, weight, classes) / counts[:, None]
    grand = weight @ rows / counts.sum()
    overall = np.sqrt(np.maximum(weight @ rows**2 / counts.sum() - grand**2, 0.0))
    rows -= means[codes]
    within = np.sqrt(weight @ rows**2 / counts.sum())
    spread = np.where(within > 1e-10 * overall, within, overall)
    residuals = np.divide(rows, spread, out=rows)
    means /= spread
    if covariance == "diagonal":
        factors = _variances(residuals, codes, weight, classes, shrinkage) ** 0.5
    else:
        factors = _factors(residuals, codes, weight, classes, shrinkage, covariance == "shared")
    center, scale = np.where(active, middle, low), half.copy()
    scale[active] *= spread
    return GaussianClasses(center, scale, active, means, factors)


def log_densities(
    model: GaussianClasses, X: Float64[np.ndarray, "rows features"]
) -> Float64[np.ndarray, "rows classes"]:
    r"""Return $\log p(x \mid c)$ over the features that are not constant.

    $-\tfrac12 |L_c^{-1}(z - \mu_c)|^2 - \log |L_c| - \tfrac d2 \log 2\pi - \sum_j \log s_j$ with the Cholesky
    factor $L_c$: no matrix is inverted.
    """
    blocks = [_block_densities(model, X[i : i + _BLOCK_ROWS]) for i in range(0, len(X), _BLOCK_ROWS)]
    return np.concatenate(blocks)


def _block_densities(
    model: GaussianClasses, X: Float64[np.ndarray, "rows features"]
) -> Float64[np.ndarray, "rows classes"]:
    """Return the log densities of some of the rows, which bounds the memory it takes."""
    scale = model.scale[model.active]
    with np.errstate(over="ignore"):
        z = (X[:, model.active] / 2 - model.center[model.active] / 2) / (scale / 2)
    z = np.clip(z, -_FAR, _FAR)
    densities = np.empty((len(z), len(model.means)))
    for code, mean in enumerate(model.means):
        factor = model.factors[min(code, len(model.factors) - 1)]
        if factor.ndim == 1:
            white, sizes = (z - mean) / factor, factor
        else:
            white, sizes = solve_triangular(factor, (z - mean).T, lower=True).T, factor.diagonal()
        densities[:, code] = -0.5 * np.einsum("ij,ij->i", white, white) - np.log(sizes).sum()
    return densities - 0.5 * len(scale) * np.log(2.0 * np.pi) - np.log(scale).sum()


def draw(
    model: GaussianClasses, codes: Int[np.ndarray, " rows"], random: np.random.Generator
) -> Float64[np.ndarray, "rows features"]:
    """Return a row drawn from the Gaussian of each class asked for."""
    noise = random.standard_normal((len(codes), model.means.shape[1]))
    z = model.means[codes]
    if model.factors.ndim == 2:
        z = z + noise * model.factors[codes]
    else:
        for code in np.unique(codes):
            here = codes == code
            z[here] += noise[here] @ model.factors[min(code, len(model.factors) - 1)].T
    X = np.tile(model.center, (len(codes), 1))
    X[:, model.active] += z * model.scale[model.active]
    return X


def _class_sums(
    rows: Float64[np.ndarray, "rows width"],
    codes: Int[np.ndarray, " rows"],
    weight: Float64[np.ndarray, " rows"],
    classes: int,
) -> Float64[np.ndarray, "classes width"]:
    """Return the weighted sum of the rows of each class."""
    sums = np.zeros((classes, rows.shape[1]))
    for code in range(classes):
        here = codes == code
        sums[code] = weight[here] @ rows[here]
    return sums


def _factors(
    residuals: Float64[np.ndarray, "rows width"],
    codes: Int[np.ndarray, " rows"],
    weight: Float64[np.ndarray, " rows"],
    classes: int,
    shrinkage: float | str,
    shared: bool,
) -> Float64[np.ndarray, "groups width width"]:
    """Return the Cholesky factors of the shrunk covariances."""
    width = residuals.shape[1]
    pooled = _shrunk(residuals, weight, shrinkage)
    if pooled is None:
        pooled = np.eye(width)
    if shared:
        return _factor(pooled)[None]
    factors = np.empty((classes, width, width))
    for code in range(classes):
        here = codes == code
        own = _shrunk(residuals[here], weight[here], shrinkage)
        factors[code] = _factor(pooled if own is None else own)
    return factors


def _shrunk(
    residuals: Float64[np.ndarray, "rows width"],
    weight: Float64[np.ndarray, " rows"],
    shrinkage: float | str,
) -> Float64[np.ndarray, "width width"] | None:
    """Return the shrunk covariance of residuals, or None where they have no spread."""
    count, width = weight.sum(), residuals.shape[1]
    covariance = (residuals * weight[:, None]).T @ residuals / count
    variance = float(np.trace(covariance)) / max(width, 1)
    if variance <= _FLOOR**2:
        return None
    if shrinkage == "auto":
        fourth = weight @ np.einsum("ij,ij->i", residuals, residuals) ** 2 / count
        size = np.einsum("ij,ij->", covariance, covariance)
        shrinkage = _ledoit_wolf((fourth - size) / count, size - width * variance**2)
    amount = float(shrinkage)
    covariance *= 1.0 - amount
    covariance[np.diag_indices(width)] += amount * variance
    return covariance


def _variances(
    residuals: Float64[np.ndarray, "rows width"],
    codes: Int[np.ndarray, " rows"],
    weight: Float64[np.ndarray, " rows"],
    classes: int,
    shrinkage: float | str,
) -> Float64[np.ndarray, "classes width"]:
    """Return the shrunk variances of each class: `_factors` with every covariance 0."""
    pooled = _shrunk_variances(residuals, weight, shrinkage)
    if pooled is None:
        pooled = np.ones(residuals.shape[1])
    variances = np.tile(pooled, (classes, 1))
    for code in range(classes):
        here = codes == code
        own = _shrunk_variances(residuals[here], weight[here], shrinkage)
        if own is not None:
            variances[code] = own
    return np.maximum(variances, _FLOOR)


def _shrunk_variances(
    residuals: Float64[np.ndarray, "rows width"],
    weight: Float64[np.ndarray, " rows"],
    shrinkage: float | str,
) -> Float64[np.ndarray, " width"] | None:
    """Return the shrunk variances of residuals, or None where they have no spread."""
    count = weight.sum()
    squares = residuals**2
    variances = weight @ squares / count
    mean = float(variances.mean()) if len(variances) else 0.0
    if mean <= _FLOOR**2:
        return None
    if shrinkage == "auto":
        size = float(variances @ variances)
        fourth = float((weight @ squares**2).sum() / count)
        shrinkage = _ledoit_wolf((fourth - size) / count, size - len(variances) * mean**2)
    return (1.0 - float(shrinkage)) * variances + float(shrinkage) * mean


def _ledoit_wolf(error: float, distance: float) -> float:
    """Return the share of the target: how much of the distance to it is the estimate's own error."""
    return 1.0 if distance <= 0.0 else float(np.clip(error / distance, 0.0, 1.0))


def _factor(covariance: Float64[np.ndarray, "width width"]) -> Float64[np.ndarray, "width width"]:
    """Return the lower Cholesky factor, after raising the least eigenvalue to the floor where it is below."""
    if not len(covariance):
        return covariance
    least = float(eigvalsh(covariance, subset_by_index=(0, 0))[0])
    if least < _FLOOR:
        covariance = covariance + (_FLOOR - least) * np.eye(len(covariance))
    return cholesky(covariance, lower=True)
