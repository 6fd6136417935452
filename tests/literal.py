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


def affinity(index: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Self-tuning affinity, normalised by row sums on both sides (below Eqn. 7)."""
    count, h = index.shape
    v = np.zeros((count, count))
    for i in range(count):
        for place in range(h):
            j, gap = index[i, place], distance[i, place]
            scale = distance[i, -1] * distance[j, -1]
            v[i, j] = np.exp(-(gap**2) / scale) if scale > 0 else float(gap == 0)
    degree = np.maximum(v.sum(1), 1e-12)
    return v / np.sqrt(degree[:, None] * degree[None, :])


def pairwise(current: np.ndarray, v: np.ndarray, index: np.ndarray, i: int, a: int) -> tuple:
    """Log of the products over neighbours of Psi for y = 1 and y = 0 (Eqns. 6, 7, 10)."""
    one = sum(v[i, j] * (1 if current[j, a] == 1 else -1) for j in index[i])
    return one, -one


def ledoit_wolf(points: np.ndarray) -> np.ndarray:
    """Covariance of rows, shrunk by Ledoit and Wolf's share, written from their definitions."""
    count, dimensions = points.shape
    centred = points - points.mean(0)
    covariance = centred.T @ centred / count
    level = np.trace(covariance) / dimensions
    target = level * np.eye(dimensions)
    spread = ((covariance - target) ** 2).sum()
    noise = sum(((np.outer(x, x) - covariance) ** 2).sum() for x in centred) / count**2
    share = min(noise / spread, 1.0) if spread > 0 else 0.0
    return (1 - share) * covariance + share * target


def log_density(x: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    gap = x - mean
    _, logdet = np.linalg.slogdet(covariance)
    return -0.5 * (gap @ np.linalg.solve(covariance, gap) + logdet)


def gaussian(features: np.ndarray, members: np.ndarray, ridge: float, kind: str) -> tuple:
    """mu and Sigma of one class (Eqns. 13, 14)."""
    points = features[members] if len(members) > 1 else features
    mean = features[members].mean(0)
    if len(members) > 1:
        covariance = ledoit_wolf(points)
    else:
        covariance = np.cov(points.T, bias=True).reshape(len(mean), len(mean))
    if kind == "diagonal":
        covariance = np.diag(np.diag(covariance))
    return mean, covariance + ridge * np.eye(len(mean))


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


def odds(features, labels, rho, v, index, current, a, kind) -> np.ndarray:
    """Unary, prior and pairwise log-odds of one attribute at the current labels, (N, 3)."""
    ridge = 1e-6 * np.cov(features.T, bias=True).reshape(features.shape[1], -1).trace()
    ridge = ridge / features.shape[1] + 1e-12
    result = np.zeros((len(labels), 3))
    classes = [np.flatnonzero(current[:, a] == level) for level in (0, 1)]
    usable = all(len(c) for c in classes) and (labels[:, a] >= 0).any()
    models = [gaussian(features, c, ridge, kind) for c in classes] if usable else None
    for i in range(len(labels)):
        if usable and labels[i, a] < 0:
            zero, one = (log_density(features[i], *model) for model in models)
            result[i, 0] = one - zero
        one, zero = prior(labels, rho, i, a)
        result[i, 1] = np.log(one) - np.log(zero)
        one, zero = pairwise(current, v, index, i, a)
        result[i, 2] = one - zero
    return result


def propagate(
    features, labels, weights, h=10, iterations=30, tolerance=1e-3, draw=None, kind="full"
):
    """Algorithm 2. `draw(iteration)` gives the uniform numbers that simulate labels, or None."""
    rho = pearson(weights)
    index, distance = nearest(features, h)
    v = affinity(index, distance)
    posterior = initial(features, labels, h)
    current = np.where(labels < 0, posterior > 0.5, labels)
    resting = {a for a in range(labels.shape[1]) if (labels[:, a] >= 0).all()}
    for iteration in range(iterations):
        fresh, new = current.copy(), posterior.copy()
        for a in range(labels.shape[1]):
            missing = labels[:, a] < 0
            if a not in resting:
                total = odds(features, labels, rho, v, index, current, a, kind).sum(1)
                new[missing, a] = 1 / (1 + np.exp(-np.clip(total[missing], -500, 500)))
            bar = draw(iteration)[:, a] if draw else 0.5
            fresh[:, a] = np.where(missing, new[:, a] > bar, labels[:, a])
        for a in set(range(labels.shape[1])) - resting:
            missing = labels[:, a] < 0
            if np.abs(new[missing, a] - posterior[missing, a]).mean() < tolerance:
                resting.add(a)
        current, posterior = fresh, new
        if len(resting) == labels.shape[1]:
            break
    return current, posterior
