"""Train UMTN in its published size on generated domains, within a time limit.

python -m benchmarks.umtn_gpu --minutes 8 --out OUT
python -m benchmarks.umtn_gpu --small --minutes 0.2 --out OUT

The first command is for one GPU. The second uses tiny networks on a CPU, to see that the script works. It prints
training segments per second and losses, and writes the run, and a translation of one second with its input and target.
"""

import argparse
import time
from pathlib import Path

from musiclab import umtn
from musiclab.audio import load_audio, save_audio
from musiclab.training import TrainConfig

TINY = {"encoder": {"channels": 8, "blocks": 1, "layers": 4}, "decoder": {"channels": 8, "blocks": 1, "layers": 4}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8.0, help="time for training, without the preparation")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--small", action="store_true", help="tiny networks and little music")
    options = parser.parse_args()
    pieces, seconds, batch_size, length = (6, 3.0, 4, 8) if options.small else (120, 10.0, 32, 320)
    sizes = TINY if options.small else {}
    wavs = umtn.studio_domains(options.out / "wav", pieces, seconds, train=0.8, val=0.1)
    umtn.EncodedFilesDataset(options.out / "wav").dump_to_folder(options.out / "h5")
    folders = [options.out / "h5" / name for name in wavs]
    train = umtn.SegmentPairs.of_folders(folders, "train", epoch_len=length)
    valid = umtn.SegmentPairs.of_folders(folders, "val", epoch_len=min(length, 64), magnitude=0)

    settings = {"batch_size": batch_size, "learning_rate": 1e-4 * (10 if options.small else 1), "weight_decay": 0.0}
    started = time.perf_counter()
    umtn.train(train, valid, wavs, None, TrainConfig(epochs=1, **settings), network="published", **sizes)
    warm = umtn.train(train, valid, wavs, None, TrainConfig(epochs=1, **settings), network="published", **sizes)
    spent = time.perf_counter() - started
    epochs = max(1, int((60 * options.minutes - spent) / warm.history["seconds"].iloc[0]))
    print(f"an epoch of {length} segments takes {warm.history['seconds'].iloc[0]:.1f} s, so there is time for {epochs}")

    config = TrainConfig(epochs=epochs, **settings)
    run = umtn.train(train, valid, wavs, options.out / "run", config, network="published", **sizes)
    print(run.history.iloc[:: max(1, epochs // 20)].to_string())
    print(f"segments per second: {run.history['samples_per_second'].median():.1f}")
    source, target = list(wavs)[:2]
    path = sorted((wavs[source] / "test").glob("*.wav"))[0]
    sound = load_audio(path, umtn.WAV_FREQ, duration=1.0)[0]
    truth = load_audio(wavs[target] / "test" / path.name, umtn.WAV_FREQ, duration=1.0)[0]
    started = time.perf_counter()
    translated = umtn.translate(run, sound, target, umtn.WAV_FREQ)
    print(f"translating a second took {time.perf_counter() - started:.1f} s on one CPU core")
    for name, waveform in (("input", sound), ("translation", translated), ("target", truth)):
        save_audio(options.out / f"{name}.wav", waveform, umtn.WAV_FREQ)


if __name__ == "__main__":
    main()
