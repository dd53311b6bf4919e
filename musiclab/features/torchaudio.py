"""The one place that imports torchaudio.

The Linux wheel of torchaudio links CUDA, so on a CPU-only torch its compiled extension cannot be loaded and
``import torchaudio`` raises OSError. All that musiclab uses of it (transforms, functional) is plain PyTorch:
when the extension fails, tell torchaudio that there is none and import again.
"""

import sys

try:
    import torchaudio
except OSError:
    sys.modules["torchaudio._extension.utils"]._load_lib = lambda lib: False
    for name in [n for n in sys.modules if n == "torchaudio" or n.startswith("torchaudio.")]:
        if name != "torchaudio._extension.utils":  # keep the one that was just told
            del sys.modules[name]
    import torchaudio

__all__ = ["torchaudio"]
