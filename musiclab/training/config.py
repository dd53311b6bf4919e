"""Training settings, checked when they are created."""

from dataclasses import asdict, dataclass, field

from musiclab.core.checks import check_flag, check_known, check_number, check_positive, check_share, check_whole
from musiclab.core.errors import Problems, RunError
from musiclab.training.augment import Augmentation

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
OPTIMISERS = ("adamw", "sgd")
SCHEDULES = ("cosine", "plateau", "constant")


@dataclass(frozen=True)
class TrainConfig:
    """Settings for a training run: its length, optimiser, regularisation, random seed and device.

    Invalid values raise RunError.

    Attributes
    ----------
    epochs : int, default 60
        Number of passes over the training clips.
    batch_size : int, default 32
        Examples per batch. With several processes, this is the sum over all processes.
    optimiser : str, default "adamw"
        "adamw", or "sgd" (stochastic gradient descent with Nesterov momentum of 0.9).
    learning_rate : float, default 0.001
        Highest learning rate, greater than 0.
    schedule : str, default "cosine"
        Change of the learning rate during training:

        - "cosine" rises for a tenth of the steps, then falls to 0 along a cosine.
        - "plateau" divides the rate by 5 after six epochs without a lower validation loss. Without validation clips, it
          uses the training loss.
        - "constant" does not change the rate.
    weight_decay : float, default 0.05
        Weight decay of the optimiser, which pulls weights towards 0. It does not apply to biases and norm layers.
    clip : float, default 0.0
        Maximum length (2-norm) of the gradient. Longer gradients are scaled down. 0 turns clipping off.
    accumulate : int, default 1
        Batches per optimiser step. Their gradients are added up. This has the effect of a larger batch, but needs only
        the memory of one batch.
    label_smoothing : float, default 0.1
        Part of the target probability, in [0, 1), that is shared equally among all classes.
    class_weights : bool, default False
        Weight each class by the inverse of its number of training clips (:func:`class_weights`).
    augmentation : Augmentation
        Random changes to training examples. Optional.
    patience : int, default 0
        Stop after so many epochs without a lower validation loss. 0 never stops early.
    seed : int, default 0
        Random seed of initial weights, clip order, segments, augmentation and dropout, from 0 to 2**32 - 1.
    device : str, default "auto"
        "auto" (a GPU if available), "cpu", "cuda" or "mps" (GPU of a Mac).
    precision : str, default "auto"
        Number format of the computation: "fp32" (32 bits), "bf16" (16 bits), "fp16" (16 bits, CUDA only) or "auto".
        With "auto", models with convolutional or recurrent layers use bf16 on hardware where it is faster: most GPUs,
        CPUs with AMX, and AMD CPUs with AVX512-BF16. Everything else uses fp32.
    workers : int, default 0
        Processes that load batches in advance. 0 loads them in the training process. The result is the same.
    compile : bool, default False
        Use torch.compile, which takes a minute and pays off for long training on a GPU.
    start : str, default ""
        Encoder with the same layers, whose weights training starts from (fine-tuning): "studio" for a resnet, "musicnn"
        for a musicnn. By default, initial weights are random.
    deterministic : bool, default False
        Use deterministic algorithms on CUDA, which are somewhat slower. A CPU is always deterministic, as long as the
        number of threads stays the same.

    Examples
    --------
    >>> TrainConfig(epochs=20, batch_size=16, augmentation=Augmentation(mixup=0.3)).learning_rate
    0.001
    >>> TrainConfig(epochs=0)
    Traceback (most recent call last):
    musiclab.core.errors.RunError: expected epochs to be a whole number of at least 1, found 0
    """

    epochs: int = 60
    batch_size: int = 32
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    weight_decay: float = 0.05
    clip: float = 0.0
    accumulate: int = 1
    label_smoothing: float = 0.1
    class_weights: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)
    patience: int = 0
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    workers: int = 0
    compile: bool = False
    start: str = ""
    deterministic: bool = False

    def __post_init__(self):
        settings, problems = vars(self), Problems()
        problems.check(check_whole, settings, "epochs", "batch_size", "accumulate")
        with problems:
            check_whole(settings, "patience", "workers", least=0)
            check_whole(settings, "workers", least=0, most=256)
        problems.check(check_whole, settings, "seed", least=0, most=2**32 - 1)
        problems.check(check_positive, settings, "learning_rate")
        problems.check(check_number, settings, "weight_decay", "clip")
        problems.check(check_share, settings, "label_smoothing")
        problems.check(check_flag, settings, "class_weights", "compile", "deterministic")
        problems.check(check_known, self.device, DEVICES, "a device")
        problems.check(check_known, self.precision, PRECISIONS, "a precision")
        problems.check(check_known, self.optimiser, OPTIMISERS, "an optimiser")
        problems.check(check_known, self.schedule, SCHEDULES, "a schedule")
        with problems:
            if isinstance(self.augmentation, dict):  # read from a file
                object.__setattr__(self, "augmentation", Augmentation.from_dict(self.augmentation))
            if not isinstance(self.augmentation, Augmentation):
                raise RunError(f"expected augmentation to be an Augmentation, found {self.augmentation!r}")
        problems.raise_if_any()

    def to_dict(self) -> dict:
        """Return the settings as a dictionary that can be saved as JSON."""
        return asdict(self)
