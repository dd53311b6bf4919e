"""Linear classifier on embeddings, called a probe."""

import torch
from torch import nn

from musiclab.core.checks import check_whole
from musiclab.features import EmbeddingConfig
from musiclab.models.base import Classifier

OVERALL_SHARE = 0.9  # chosen with musicnn on folds 1 to 4 of ESC-10; 0.75 to 1 gave similar results


class Probe(Classifier):
    """Logistic regression on the embeddings of an encoder whose weights stay as they are (Alain and Bengio 2016).

    The logits of a clip are the mean of the logits of its segments, which equals the logits of its mean embedding.
    :func:`musiclab.training.fit_probe` finds the weights, and what :meth:`novelty` needs.

    Parameters
    ----------
    classes : int
        Number of classes.
    inputs : int, default 384
        Number of values of the embedding.
    axes : int, default 0
        Number of principal axes in which distances are measured.

    Examples
    --------
    >>> Probe(classes=10)(torch.zeros(2, 384, 1)).shape  # logits of two segments
    torch.Size([2, 10])
    """

    feature = "embedding"
    feature_config = EmbeddingConfig()
    dimensions = "inputs"
    by_dimension = True

    def __init__(self, classes: int, inputs: int = 384, axes: int = 0):
        sizes = {"inputs": inputs, "axes": axes}
        check_whole(sizes, "inputs")
        check_whole(sizes, "axes", least=0, most=inputs)
        super().__init__(classes, sizes, (inputs, 1))
        self.output = nn.Linear(inputs, classes)
        self.register_buffer("axes", torch.zeros(axes, inputs))
        self.register_buffer("centres", torch.zeros(classes, axes))
        self.register_buffer("within", torch.zeros(axes, axes))
        self.register_buffer("overall", torch.zeros(axes, axes))

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        """Compute logits, shape (batch, classes), from embeddings, shape (batch, inputs, 1)."""
        return self.output(self.standardised(embedding)[..., 0])

    @torch.inference_mode()
    def novelty(self, embedding: torch.Tensor) -> torch.Tensor:
        """Measure how far embeddings, shape (batch, inputs), are from all classes, shape (batch,).

        This is nearly the relative Mahalanobis distance (Ren et al. 2021): the squared distance to the nearest class,
        in units of the spread within classes, minus 0.9 times the squared distance to the mean of all training
        examples, in units of their spread. The second term ignores what is unusual about a sound in general.
        """
        points = self.standardised(embedding[..., None])[..., 0] @ self.axes.T
        distances = ((points[:, None] - self.centres) @ self.within).square().sum(2)
        return distances.amin(1) - OVERALL_SHARE * (points @ self.overall).square().sum(1)
