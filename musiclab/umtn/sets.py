"""A musical domain as UMTN's ``train.py`` feeds it: ``[DatasetSet(d, args.seq_len, args) for d in args.data]``."""

from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.utils.data import DataLoader

from musiclab.core.errors import DatasetError
from musiclab.umtn.augmentation import WavFrequencyAugmentation
from musiclab.umtn.encoded import WAV_FREQ
from musiclab.umtn.h5 import H5Dataset

DEFAULTS = {
    "data_aug": False,
    "magnitude": 0.5,
    "h5_dataset_name": "wav",
    "short": False,
    "batch_size": 32,
    "num_workers": 0,
    "valid_aug": False,
}
"""What an ``args`` that does not say is taken to say. UMTN's ``train.py`` has 10 workers; 0 works everywhere."""
ENDLESS = 10**10  # draws: one iterator serves a whole training, as in UMTN


class DatasetSet:
    """Training and validation segments of one domain.

    Domains are balanced by taking turns: UMTN's training asks each for one batch after the other, so a domain of
    one hour and a domain of ten count the same, and so does every file within a domain.

    Parameters
    ----------
    dir
        Folder of the domain, with ``train`` and ``val`` below it.
    seq_len
        Samples of a segment.
    args : argparse.Namespace or the like
        ``data_aug`` (augment training segments), ``magnitude`` (semitones), ``h5_dataset_name``, ``short``,
        ``batch_size``, ``num_workers``, as in ``train.sh``; and ``valid_aug``, which UMTN does not have: there
        validation is augmented with training. What is left out is taken from :data:`DEFAULTS`.

    Attributes
    ----------
    train_dataset, valid_dataset : H5Dataset
    train_loader, valid_loader : torch.utils.data.DataLoader
        Batches (clean, augmented), uint8, shape (batch_size, seq_len).
    train_iter, valid_iter : iterator
        Of the loaders, never at an end; begun, with their workers, when first asked for.

    Raises
    ------
    DatasetError
        ``train`` or ``val`` is not there, is empty, or holds no file as long as a segment.
    """

    def __init__(self, dir, seq_len: int, args=None):
        settings = SimpleNamespace(**(DEFAULTS | ({} if args is None else vars(args))))
        dir = Path(dir)
        for part in ("train", "val"):
            if not (dir / part).is_dir():
                raise DatasetError(
                    f"{dir}: expected the folders train and val, found no {part}; make them with: musiclab umtn split"
                )
        augmentation = WavFrequencyAugmentation(WAV_FREQ, settings.magnitude)
        workers = settings.num_workers

        def load(part: str, augmented: bool, workers: int) -> tuple[H5Dataset, DataLoader]:
            dataset = H5Dataset(
                dir / part,
                seq_len,
                settings.h5_dataset_name,
                epoch_len=ENDLESS,
                augmentation=augmentation if augmented else None,
                short=settings.short,
            )
            pinned = torch.cuda.is_available()
            return dataset, DataLoader(dataset, settings.batch_size, num_workers=workers, pin_memory=pinned)

        self.train_dataset, self.train_loader = load("train", settings.data_aug, workers)
        self.valid_dataset, self.valid_loader = load("val", settings.data_aug and settings.valid_aug, -(-workers // 10))

    @cached_property
    def train_iter(self):
        return iter(self.train_loader)

    @cached_property
    def valid_iter(self):
        return iter(self.valid_loader)


def wrap(data, device: str | torch.device | None = None):
    """Move a tensor, or a list or tuple of them however deep, to a device.

    Parameters
    ----------
    device
        The first GPU where there is one, unless given.

    Examples
    --------
    >>> [part.device.type for part in wrap([torch.zeros(1), torch.ones(1)], "cpu")]
    ['cpu', 'cpu']
    """
    if torch.is_tensor(data):
        return data.to(device or ("cuda" if torch.cuda.is_available() else "cpu"), non_blocking=True)
    return tuple(wrap(part, device) for part in data)
