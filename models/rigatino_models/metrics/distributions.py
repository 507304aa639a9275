"""Measures of two sets of features: how far apart their distributions are."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

Features = NDArray[Any]


class Ids(NamedTuple):
    """Unpaired and paired inception discriminative score, both from 0 to 1: the more, the harder to tell apart."""

    unpaired: float
    paired: float


def discriminative_scores(real: Features, fake: Features) -> Ids:
    """U-IDS and P-IDS of CoModGAN (arXiv 2103.10428) of features [N,D], row i of both from the same picture.

    A linear support vector machine is fitted to tell real from fake rows, in raw features. U-IDS is the share of rows
    that it gets wrong, P-IDS the share of pairs in which the fake one looks more real. Both are 0 where a plane parts
    the two well, as with N < D it mostly does.
    """
    machine = LinearSVC(dual=False)
    labels = np.concatenate((np.ones(len(real)), np.zeros(len(fake))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the published scores stop after as many steps
        rows = np.concatenate((real, fake))
        machine.fit(rows, labels)
    accuracy = machine.score(rows, labels)
    paired = np.mean(machine.decision_function(fake) > machine.decision_function(real))
    return Ids(float(1 - accuracy), float(paired))


def frechet_distance(real: Features, fake: Features) -> float:
    """Fréchet distance of the Gaussians fitted to features [N,D] and [M,D] (Heusel et al., arXiv 1706.08500).

    In float64, covariances divided by N - 1 and M - 1. The trace of (C1 C2)^1/2 is the sum of the singular values of
    R1 R2', with C = R'R / (N - 1): exact also where there are fewer rows than columns.
    """
    means, roots = zip(*(_root(features) for features in (real, fake)), strict=True)
    apart = np.square(means[0] - means[1]).sum()
    spread = sum(np.square(root).sum() for root in roots)
    common = np.linalg.norm(roots[0] @ roots[1].T, "nuc")
    return float(apart + spread - 2 * common)


def _root(features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean [D] and R [min(N,D),D] with R'R = the covariance."""
    rows = np.asarray(features, np.float64)
    mean = rows.mean(0)
    return mean, np.linalg.qr(rows - mean, "r") / np.sqrt(len(rows) - 1)
