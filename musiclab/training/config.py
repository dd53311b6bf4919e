"""Every setting of a training, in one place."""

import math
from dataclasses import asdict, dataclass, field
from numbers import Integral, Real

from musiclab.core.errors import RunError, did_you_mean
from musiclab.training.augment import Augmentation

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
OPTIMISERS = ("adamw", "sgd")
SCHEDULES = ("cosine", "plateau", "constant")


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training.

    Attributes
    ----------
    epochs : int
        Passes over the training clips.
    batch_size : int
        Examples a step, over all processes together.
    optimiser : str
        "adamw", or "sgd" with Nesterov's momentum of 0.9.
    learning_rate : float
        Highest rate, over 0.
    schedule : str
        "cosine": the rate climbs in the first tenth of the steps and falls to zero along a cosine; "plateau": it is
        divided by five at the sixth epoch in a row without a lower validation loss (training loss, if nothing
        validates); "constant".
    weight_decay : float
        Of the optimiser; norms and biases are left out.
    clip : float
        Longest gradient (2-norm of all together); a longer one is shortened to it. 0 for none.
    accumulate : int
        Batches that make one step together: the gradient of ``accumulate * batch_size`` examples with the memory
        of ``batch_size``.
    label_smoothing : float
        Share of the target that is spread over all classes, in [0, 1).
    class_weights : bool
        Weigh each class by the inverse of its number of training clips.
    augmentation : musiclab.training.augment.Augmentation
        What is done to a training batch; validation and test are never changed.
    patience : int
        Epochs without a lower validation loss after which training stops; 0 never stops early.
    seed : int
        Decides initial weights, order, segments, augmentation and dropout; 0 or more.
    device : str
        "auto" takes a GPU if there is one; or "cpu", "cuda", "mps".
    precision : str
        "auto" is bf16 where the hardware has it, otherwise fp32; or "fp32", "bf16", "fp16" (CUDA only).
    workers : int
        Processes that read batches ahead; 0 reads them in the training process, which is fast where the data are in
        memory. The result does not depend on it.
    compile : bool
        Let torch.compile make the network faster: a minute at the start that pays in long trainings on a GPU.
    deterministic : bool
        The same numbers in every run on CUDA too, where that costs speed; on a CPU they always are.
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
    deterministic: bool = False

    def __post_init__(self):
        for names, kind, least in (
            (("epochs", "batch_size", "accumulate"), Integral, 1),
            (("patience", "seed", "workers"), Integral, 0),
            (("learning_rate", "weight_decay", "clip", "label_smoothing"), Real, 0),
        ):
            for name in names:
                value = getattr(self, name)
                if not isinstance(value, kind) or isinstance(value, bool) or not least <= value < math.inf:
                    wanted = "whole number" if kind is Integral else "finite number"
                    raise RunError(f"expected {name} to be a {wanted} of at least {least}, found {value!r}")
        if self.seed >= 2**32:
            raise RunError(f"expected seed to be less than 2**32, found {self.seed}")
        for name in ("class_weights", "compile", "deterministic"):
            if not isinstance(getattr(self, name), bool):
                raise RunError(f"expected {name} to be true or false, found {getattr(self, name)!r}")
        if self.learning_rate == 0:
            raise RunError("expected learning_rate to be positive, found 0: nothing would be learnt")
        if self.label_smoothing >= 1:
            raise RunError(f"expected label_smoothing to be less than 1, found {self.label_smoothing!r}")
        for name, known in (
            ("device", DEVICES),
            ("precision", PRECISIONS),
            ("optimiser", OPTIMISERS),
            ("schedule", SCHEDULES),
        ):
            value = getattr(self, name)
            if value not in known:
                raise RunError(
                    f"expected a {name} among {', '.join(known)}, found {value!r}{did_you_mean(str(value), known)}"
                )
        if isinstance(self.augmentation, dict):  # as a file has it
            object.__setattr__(self, "augmentation", Augmentation.from_dict(self.augmentation))
        if not isinstance(self.augmentation, Augmentation):
            raise RunError(f"expected augmentation to be an Augmentation, found {self.augmentation!r}")

    def to_dict(self) -> dict:
        """The settings as a dictionary that JSON can hold."""
        return asdict(self) | {"augmentation": self.augmentation.to_dict()}
