"""Prepare data for UMTN, train it, and translate music: the same notes, played by other instruments.

The Universal Music Translation Network (Mor, Wolf, Polyak and Taigman, ICLR 2019, arXiv 1805.07848) learns from
folders of sound files, one folder per musical domain. All names are those of the published code::

    EncodedFilesDataset(top).dump_to_folder(output)     any sound file -> 16 kHz mono .h5
    split_dir(input, output)                            train / val / test, by file or by group
    [DatasetSet(d, args.seq_len, args) for d in args.data]

The settings are UMTN's: 16 kHz, segments of 12,000 samples, 256 mu-law codes, and a random stretch of each segment
shifted by up to half a semitone. Some details differ: samples are stored as int16 instead of float64, unusable files
are listed once and left out instead of being tried again and again, works can be kept together when files are split,
validation segments are not augmented, and a shifted stretch has a crossfade at its ends.

The networks exist in the published sizes, which need GPUs and days, and in small ones that learn on a laptop
(:class:`Translator`). Two small ones come with musiclab, so that music can be translated at once::

    sound = umtn.translate("harmonic", "song.ogg", to="piano")  # 16 kHz

Examples
--------
>>> import numpy as np
>>> from musiclab import umtn
>>> waveform = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000).astype(np.float32)
>>> codes = umtn.mu_law(waveform)  # 0 to 255
>>> bool(np.abs(umtn.inv_mu_law(codes) - waveform).max() < 0.1)
True
"""

from musiclab.umtn.augmentation import WavFrequencyAugmentation, shift_pitch
from musiclab.umtn.companding import compand
from musiclab.umtn.confusion import ConfusionConfig, ConfusionRun, MelDecoders, train_confusion
from musiclab.umtn.domains import DOMAINS, ENSEMBLES, divide, musicnet_domains, split_dir, studio_domains
from musiclab.umtn.encoded import WAV_FREQ, EncodedFilesDataset, write_h5
from musiclab.umtn.h5 import DatasetSet, H5Dataset, inspect, wrap
from musiclab.umtn.harmonic import HarmonicDecoder, spectral_loss
from musiclab.umtn.measuring import chroma_correlation, match_spectrum, spectral_distance
from musiclab.umtn.mulaw import encode, inv_mu_law, mu_law
from musiclab.umtn.network import DomainClassifier, Encoder
from musiclab.umtn.pairs import SegmentPairs
from musiclab.umtn.translation import TranslationRun, Translator, load, train, translate
from musiclab.umtn.wavenet import Generator, WaveNet
