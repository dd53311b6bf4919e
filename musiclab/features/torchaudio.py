"""Load torchaudio, to compare its features with musiclab's in lesson 2 and in the tests."""

import sys
from types import ModuleType

from musiclab.core.extras import require


def load_torchaudio() -> ModuleType:
    """Import torchaudio, even next to a CPU-only torch.

    The Linux wheel of torchaudio links against CUDA, so its import fails with an OSError next to a CPU-only torch. Its
    transforms, functional and datasets are plain PyTorch, so we disable its compiled extension and import it again.

    Examples
    --------
    >>> torchaudio = load_torchaudio()
    >>> torchaudio.functional.melscale_fbanks(n_freqs=513, f_min=0, f_max=8000, n_mels=40, sample_rate=16000).shape
    torch.Size([513, 40])
    """
    require("comparison with torchaudio", "lessons", "torchaudio")
    try:
        import torchaudio
    except OSError:
        sys.modules["torchaudio._extension.utils"]._load_lib = lambda lib: False
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            if name != "torchaudio._extension.utils":  # keep the patched module
                del sys.modules[name]
        import torchaudio
    return torchaudio
