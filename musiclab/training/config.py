"""The training settings."""

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
    """Training settings.

    Attributes
    ----------
    epochs, batch_size : int
        Passes over the training clips, and examples per optimiser step over all processes together.
    optimiser : str
        "adamw", or "sgd" with Nesterov's momentum of 0.9.
    learning_rate : float
        Highest learning rate, greater than 0.
    schedule : str
        "cosine": the rate rises in the first tenth of the steps and falls to zero along a cosine. "plateau": it is
        divided by five after six epochs without a lower validation loss (training loss without validation clips).
        "constant".
    weight_decay : float
        Weight decay of the optimiser, without norms and biases.
    clip : float
        Largest 2-norm of the gradient, which is otherwise scaled down; 0 turns clipping off.
    accumulate : int
        Batches whose gradients make one step, as of ``accumulate * batch_size`` examples, in the memory of one batch.
    label_smoothing : float
        Share of the target that is spread evenly over all classes, in [0, 1).
    class_weights : bool
        Weigh each class by the inverse of its number of training clips.
    augmentation : musiclab.training.augment.Augmentation
        Random changes of the training examples; validation and test are never changed.
    patience : int
        Epochs without a lower validation loss after which training stops; 0 never stops early.
    seed : int
        Random seed of initial weights, order, segments, augmentation and dropout; 0 or more.
    device : str
        "auto" (a GPU if there is one), "cpu", "cuda" or "mps".
    precision : str
        "fp32", "bf16", "fp16" (CUDA only), or "auto": bf16 for convolutions and recurrent layers on hardware that
        computes faster in it (a CPU with AMX, AMD's with AVX512-BF16, most GPUs), otherwise fp32.
    workers : int
        Processes that read batches ahead, without an effect on the result; 0 reads them in the training process.
    compile : bool
        Compile the network by torch.compile: a minute at the start, which pays in long trainings on a GPU.
    deterministic : bool
        Compute the same numbers in every run also on CUDA, at some cost of speed; a CPU always does.
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
            if isinstance(self.augmentation, dict):  # as a file has it
                object.__setattr__(self, "augmentation", Augmentation.from_dict(self.augmentation))
            if not isinstance(self.augmentation, Augmentation):
                raise RunError(f"expected augmentation to be an Augmentation, found {self.augmentation!r}")
        problems.raise_if_any()

    def to_dict(self) -> dict:
        """Return the settings as a dictionary that JSON can hold."""
        return asdict(self)
