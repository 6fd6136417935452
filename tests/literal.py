"""Algorithm 2 as the paper writes it: loops over faces and attributes, NumPy float64.

An independent oracle for `lib.propagation`; nothing here is fast or shares code with it.
"""

import numpy as np


def pearson(weights: np.ndarray) -> np.ndarray:
    """Eqn. 2's correlation for every pair of attributes."""
    attributes = len(weights)
    rho = np.zeros((attributes, attributes))
    for a in range(attributes):
        for b in range(attributes):
            if a == b:
                continue
            x, y = weights[a] - weights[a].mean(), weights[b] - weights[b].mean()
            deviation = np.sqrt((x**2).mean() * (y**2).mean())
            rho[a, b] = (x * y).mean() / deviation if deviation > 0 else 0.0
    return rho


def sigmoid(value: float) -> float:
    return 1 / (1 + np.exp(-value))


def prior(labels: np.ndarray, rho: np.ndarray, i: int, a: int) -> tuple[float, float]:
    """Products over a' of S for y = 1 and y = 0 (Eqns. 4, 5)."""
    one = zero = 1.0
    for b in range(labels.shape[1]):
        if b == a:
            continue
        q = {1: rho[a, b], 0: -rho[a, b], -1: 0.0}[int(labels[i, b])]
        one *= sigmoid(q)
        zero *= 1 - sigmoid(q)
    return one, zero


def nearest(features: np.ndarray, h: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices and distances of the h nearest others of every face."""
    count = len(features)
    h = min(h, count - 1)
    index, distance = np.zeros((count, h), int), np.zeros((count, h))
    for i in range(count):
        gaps = [
            (np.sqrt(((features[i] - features[j]) ** 2).sum()), j) for j in range(count) if j != i
        ]
        for place, (gap, j) in enumerate(sorted(gaps)[:h]):
            index[i, place], distance[i, place] = j, gap
    return index, distance


def affinity(index: np.ndarray, distance: np.ndarray, symmetric: bool = False) -> np.ndarray:
    """Self-tuning affinity, normalised by row sums on both sides (below Eqn. 7)."""
    count, h = index.shape
    v = np.zeros((count, count))
    for i in range(count):
        for place in range(h):
            j, gap = index[i, place], distance[i, place]
            scale = distance[i, -1] * distance[j, -1]
            v[i, j] = np.exp(-(gap**2) / scale) if scale > 0 else float(gap == 0)
    if symmetric:
        v = (v + v.T) / 2
    degree = np.maximum(v.sum(1), 1e-12)
    return v / np.sqrt(degree[:, None] * degree[None, :])


def pairwise(current: np.ndarray, v: np.ndarray, i: int, a: int) -> tuple[float, float]:
    """Log of the products over neighbours of Psi for y = 1 and y = 0 (Eqns. 6, 7, 10)."""
    one = 0.0
    for j in range(len(current)):
        one += v[i, j] * (1 if current[j, a] == 1 else -1)
    return one, -one


def shrunk(centred: np.ndarray, shrinkage: str | float) -> np.ndarray:
    """Covariance of centred rows, shrunk by a share or by Ledoit and Wolf's, as they define it."""
    count, dimensions = centred.shape
    covariance = centred.T @ centred / count
    target = np.trace(covariance) / dimensions * np.eye(dimensions)
    share = shrinkage
    if shrinkage == "ledoit-wolf":
        spread = ((covariance - target) ** 2).sum()
        noise = sum(((np.outer(x, x) - covariance) ** 2).sum() for x in centred) / count**2
        share = min(noise / spread, 1.0) if spread > 0 else 0.0
    return (1 - share) * covariance + share * target


def log_density(x: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    gap = x - mean
    _, logdet = np.linalg.slogdet(covariance)
    return -0.5 * (gap @ np.linalg.solve(covariance, gap) + logdet)


def components(features: np.ndarray, kind: str) -> np.ndarray:
    """Coordinates in the first principal components, where the kind says so."""
    centred = features - features.mean(0)
    if not kind.startswith("pca-"):
        return centred
    _, _, axes = np.linalg.svd(centred, full_matrices=True)
    return centred @ axes[: int(kind[4:])].T


def gaussians(features: np.ndarray, current: np.ndarray, kind: str, shrinkage) -> list[tuple]:
    """mu and Sigma of class 0 and of class 1 (Eqns. 13, 14); both must have members."""
    count, dimensions = features.shape
    everything = features - features.mean(0)
    ridge = 1e-6 * (everything**2).mean() + 1e-12
    members = [features[current == level] for level in (0, 1)]
    centred = [points - points.mean(0) for points in members]
    models = []
    for points, gaps in zip(members, centred, strict=True):
        if kind == "shared":
            covariance = shrunk(np.concatenate(centred), shrinkage)
        elif len(points) == 1:
            covariance = everything.T @ everything / count
        else:
            covariance = shrunk(gaps, shrinkage)
        if kind == "diagonal":
            covariance = np.diag(np.diag(covariance))
        models.append((points.mean(0), covariance + ridge * np.eye(dimensions)))
    return models


def initial(features: np.ndarray, labels: np.ndarray, h: int) -> np.ndarray:
    """Share of positives among the h nearest labelled faces (Algorithm 2, line 2)."""
    share = np.full(labels.shape, 0.5)
    for a in range(labels.shape[1]):
        known = [j for j in range(len(labels)) if labels[j, a] >= 0]
        for i in range(len(labels)):
            if labels[i, a] >= 0:
                share[i, a] = labels[i, a]
            elif known:
                gaps = sorted((np.sqrt(((features[i] - features[j]) ** 2).sum()), j) for j in known)
                share[i, a] = np.mean([labels[j, a] for _, j in gaps[:h]])
    return share


def odds(features, labels, rho, v, current, a, kind="full", shrinkage="ledoit-wolf") -> np.ndarray:
    """Unary, prior and pairwise log-odds of one attribute at the current labels, (N, 3)."""
    result = np.zeros((len(labels), 3))
    points = components(features, kind)
    usable = len(set(current[:, a])) == 2 and (labels[:, a] >= 0).any()
    models = gaussians(points, current[:, a], kind, shrinkage) if usable else None
    for i in range(len(labels)):
        if usable and labels[i, a] < 0:
            zero, one = (log_density(points[i], *model) for model in models)
            result[i, 0] = one - zero
        one, zero = prior(labels, rho, i, a)
        result[i, 1] = np.log(one) - np.log(zero)
        one, zero = pairwise(current, v, i, a)
        result[i, 2] = one - zero
    return result


def propagate(features, labels, weights, params, draw=None):
    """Algorithm 2. `draw(iteration)` gives the uniform numbers that simulate labels, or None."""
    rho = pearson(weights)
    index, distance = nearest(features, params.neighbours)
    v = affinity(index, distance, params.symmetric)
    factors = (params.unary_weight, params.prior_weight, params.pairwise_weight)
    posterior = initial(features, labels, params.neighbours)
    current = np.where(labels < 0, posterior > 0.5, labels)
    resting = {a for a in range(labels.shape[1]) if (labels[:, a] >= 0).all()}
    for iteration in range(params.max_iterations):
        fresh, new = current.copy(), posterior.copy()
        for a in range(labels.shape[1]):
            missing = labels[:, a] < 0
            if a not in resting:
                given = (features, labels, rho, v, current, a, params.covariance, params.shrinkage)
                total = odds(*given) @ factors
                if params.class_prior == "frequency":
                    share = ((labels[:, a] == 1).sum() + 1) / ((labels[:, a] >= 0).sum() + 2)
                    total = total + np.log(share / (1 - share))
                new[missing, a] = 1 / (1 + np.exp(-np.clip(total[missing], -500, 500)))
            bar = draw(iteration)[:, a] if draw else 0.5
            fresh[:, a] = np.where(missing, new[:, a] > bar, labels[:, a])
        for a in set(range(labels.shape[1])) - resting:
            missing = labels[:, a] < 0
            if np.abs(new[missing, a] - posterior[missing, a]).mean() < params.tolerance:
                resting.add(a)
        current, posterior = fresh, new
        if len(resting) == labels.shape[1]:
            break
    return current, posterior
