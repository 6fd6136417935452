"""What people use in the place of `lib.propagation`."""

import faiss
import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.semi_supervised import LabelSpreading
from torch import Tensor


def faiss_flat(features: Tensor, k: int) -> np.ndarray:
    """Indices (N, k + 1), the face itself among them."""
    index = faiss.IndexFlatL2(features.shape[1])
    index.add(features.numpy())
    return index.search(features.numpy(), k + 1)[1]


def sklearn_brute(features: Tensor, k: int) -> np.ndarray:
    search = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(features.numpy())
    return search.kneighbors(features.numpy(), return_distance=False)


def label_spreading(features: Tensor, labels: Tensor, k: int) -> np.ndarray:
    """One fit of scikit-learn's LabelSpreading: one attribute (N,), its graph included."""
    spreading = LabelSpreading(kernel="knn", n_neighbors=k)
    return spreading.fit(features.numpy(), labels.numpy()).label_distributions_
