"""UMTN's data pipeline, as published and then as it should be.

The Universal Music Translation Network (Mor, Wolf, Polyak and Taigman, ICLR 2019, arXiv 1805.07848) learns from
folders of sound, one a musical domain. The names here are those of its code, so that ``train.sh`` reads on::

    EncodedFilesDataset(top).dump_to_folder(output)     any sound file -> 16 kHz mono .h5
    split_dir(input, output)                            train / val / test, by file or by group
    [DatasetSet(d, args.seq_len, args) for d in args.data]

``SegmentPairs`` gives the same pairs of mu-law codes batch by batch from memory, ``studio_domains`` renders domains
to try it on, and ``train_confusion`` trains the encoder with its domain classifier. The WaveNet decoders, and so the
translation itself, are not here yet.

Settings are UMTN's: 16 kHz, segments of 12,000 samples, mu-law with 256 codes, a random stretch of a segment shifted
by up to half a semitone. Its faults are not: float64 files, endless retries, files opened at every draw, augmented
validation, short files that nobody hears of, numpy draws that are the same in every worker.
"""

from musiclab.umtn.augmentation import WavFrequencyAugmentation, shift_pitch
from musiclab.umtn.companding import compand
from musiclab.umtn.confusion import ConfusionConfig, ConfusionRun, MelDecoders, probe_accuracy, train_confusion
from musiclab.umtn.encoded import WAV_FREQ, EncodedFilesDataset, write_h5
from musiclab.umtn.h5 import H5Dataset
from musiclab.umtn.mulaw import encode, inv_mu_law, mu_law
from musiclab.umtn.musicnet import DOMAINS, musicnet_domains
from musiclab.umtn.network import DomainClassifier, Encoder
from musiclab.umtn.pairs import SegmentPairs
from musiclab.umtn.sets import DatasetSet, wrap
from musiclab.umtn.split import divide, split_dir
from musiclab.umtn.studio import ENSEMBLES, studio_domains
from musiclab.umtn.survey import inspect

__all__ = [
    "DOMAINS",
    "ENSEMBLES",
    "WAV_FREQ",
    "ConfusionConfig",
    "ConfusionRun",
    "DatasetSet",
    "DomainClassifier",
    "EncodedFilesDataset",
    "Encoder",
    "H5Dataset",
    "MelDecoders",
    "SegmentPairs",
    "WavFrequencyAugmentation",
    "compand",
    "divide",
    "encode",
    "inspect",
    "inv_mu_law",
    "mu_law",
    "musicnet_domains",
    "probe_accuracy",
    "shift_pitch",
    "split_dir",
    "studio_domains",
    "train_confusion",
    "wrap",
    "write_h5",
]
