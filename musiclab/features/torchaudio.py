"""Load torchaudio, which lesson 2 and the tests compare musiclab's features with."""

import sys
from types import ModuleType


def load_torchaudio() -> ModuleType:
    """Import torchaudio, even beside a torch without CUDA.

    The Linux wheel of torchaudio links CUDA, so beside a CPU-only torch its import raises OSError. Its transforms,
    functional and datasets are plain PyTorch, so we switch its compiled extension off and import it again.

    Examples
    --------
    >>> torchaudio = load_torchaudio()
    >>> torchaudio.functional.melscale_fbanks(n_freqs=513, f_min=0, f_max=8000, n_mels=40, sample_rate=16000).shape
    torch.Size([513, 40])
    """
    try:
        import torchaudio
    except OSError:
        sys.modules["torchaudio._extension.utils"]._load_lib = lambda lib: False
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            if name != "torchaudio._extension.utils":  # keep the one that we have just changed
                del sys.modules[name]
        import torchaudio
    return torchaudio
