"""Damage files of every kind that musiclab reads, and see that reading them ends in a result or in a message.

``make fuzz`` runs it: ``python tests/fuzz.py --count 10000 --seed 1``. Anything that is neither is a fault: a traceback
of another error than MusiclabError, a process that dies, takes longer than a time limit or more memory than a limit.
Each damage follows from the seed, so that a fault can be looked at again: ``--only sounds:123``.
"""

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import struct
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

import damaged_stores
import numpy as np

LIMIT_S = 50.0  # the first answer of a process waits for imports, which may take most of it
LIMIT_BYTES = 6 << 30  # of address space, beyond what the process has when it starts
EXTREMES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
TEXTS = (
    "",
    "NA",
    "nan",
    "-1",
    "1e308",
    "../../etc/passwd",
    "\x00",
    "a" * 100_000,
    "\u202e",
    "🐓",
    "=1+1",
    "path",
    ",",
    '"',
)
JSON_VALUES = (
    None,
    True,
    -1,
    0,
    1e308,
    10**30,
    "",
    "x",
    [],
    [[]],
    {},
    {"a": {}},
    float("nan"),
    float("inf"),
    ["x"] * 1000,
)
RATE = 8000


# What is damaged


def make_sounds(folder: Path) -> list[Path]:
    """Write short files in every format that libsndfile writes here."""
    import soundfile

    rng = np.random.default_rng(0)
    sound = (0.2 * rng.standard_normal(RATE)).astype(np.float32)
    kinds = {
        "pcm16.wav": {"subtype": "PCM_16"}, "float.wav": {"subtype": "FLOAT"}, "pcm24.flac": {"subtype": "PCM_24"},
        "vorbis.ogg": {}, "opus.opus": {"format": "OGG", "subtype": "OPUS"}, "gsm.wav": {"subtype": "GSM610"},
        "adpcm.wav": {"subtype": "MS_ADPCM"}, "pcm.au": {}, "pcm.aiff": {}, "pcm.caf": {"format": "CAF"},
        "vbr.mp3": {"bitrate_mode": "VARIABLE"}, "cbr.mp3": {"bitrate_mode": "CONSTANT"},
    }  # fmt: skip
    for name, settings in kinds.items():
        soundfile.write(folder / name, sound, RATE, **settings)
    return sorted(folder.iterdir())


def make_stores(folder: Path) -> list[Path]:
    """Write a store of some features."""
    from musiclab import features
    from musiclab.audio import save_audio
    from musiclab.datasets import AudioFolder
    from musiclab.store import prepare

    rng = np.random.default_rng(0)
    sounds = folder / "sounds"
    for number in range(6):
        save_audio(sounds / "ab"[number % 2] / f"{number}.wav", 0.1 * rng.standard_normal(RATE), RATE)
    configs = {"audio": features.AudioConfig(RATE), "logmel": features.MelConfig(RATE, n_mels=8)}
    configs["summary"] = features.SummaryConfig()
    prepare(AudioFolder(sounds), folder / "store.h5", configs, workers=1, progress=False)
    shutil.rmtree(sounds)
    return [folder / "store.h5"]


def make_runs(folder: Path) -> list[Path]:
    """Train a model as small as can be, and return the files of its folder."""
    import musiclab

    (store,) = make_stores(folder)
    sizes = {"width": 2, "length": 4000}
    musiclab.train("m3", store, folder / "run", epochs=1, show_progress=False, **sizes)
    store.unlink()
    return [
        folder / "run" / name for name in sorted(os.listdir(folder / "run")) if not name.endswith((".png", ".html"))
    ]


def make_tables(folder: Path) -> list[Path]:
    """Write an index of empty files (a table is checked before any sound)."""
    for number in range(6):
        (folder / f"{number}.wav").touch()
    table = folder / "index.csv"
    rows = [f"{number}.wav,{'ab'[number % 2]},artist {number},{1 + number // 2}," for number in range(6)]
    table.write_text("\n".join(["path,label,group,fold,split", *rows]) + "\n", encoding="utf-8")
    return [table]


# How it is damaged


def damage_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """Flip, cut, repeat, insert or overwrite bytes, mostly near the beginning, where headers are."""
    data = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        where = int(rng.integers(len(data) if rng.random() < 0.4 else min(len(data), 200))) if data else 0
        length = int(rng.integers(1, 64))
        action = rng.choice(["flip", "extreme", "cut", "truncate", "repeat", "insert", "zero"])
        if action == "flip" and data:
            data[where] ^= 1 << int(rng.integers(8))
        elif action == "extreme":
            value = int(rng.choice(EXTREMES))
            data[where : where + 4] = struct.pack(str(rng.choice(["<I", ">I"])), value)
        elif action == "cut":
            del data[where : where + length]
        elif action == "truncate":
            del data[max(where, int(rng.integers(len(data) + 1))) :]
        elif action == "repeat":
            data[where:where] = data[where : where + length]
        elif action == "insert":
            data[where:where] = rng.bytes(length)
        elif action == "zero":
            data[where : where + length] = bytes(len(data[where : where + length]))
    return bytes(data)


def damage_json(text: str, rng: np.random.Generator) -> str:
    """Replace, remove or add an entry somewhere in a JSON document."""
    document = json.loads(text)
    level = document
    while isinstance(level, (dict, list)) and level:
        key = list(level)[rng.integers(len(level))] if isinstance(level, dict) else int(rng.integers(len(level)))
        if not isinstance(level[key], (dict, list)) or not level[key] or rng.random() < 0.5:
            break
        level = level[key]
    if isinstance(level, (dict, list)) and level:
        if rng.random() < 0.2:
            del level[key]
        else:
            level[key] = JSON_VALUES[rng.integers(len(JSON_VALUES))]
    return json.dumps(document)


def damage_cells(text: str, rng: np.random.Generator) -> str:
    """Change a cell, a row or the separators of a table."""
    lines = text.splitlines()
    row = int(rng.integers(len(lines)))
    cells = lines[row].split(",")
    action = rng.choice(["cell", "short", "long", "drop", "twice", "separator", "blank"])
    if action == "cell":
        cells[rng.integers(len(cells))] = str(rng.choice(TEXTS))
    elif action == "short":
        cells = cells[: rng.integers(len(cells))]
    elif action == "long":
        cells.append(str(rng.choice(TEXTS)))
    lines[row] = ",".join(cells)
    if action == "drop":
        del lines[row]
    elif action == "twice":
        lines.insert(row, lines[row])
    elif action == "blank":
        lines.insert(row, "," * int(rng.integers(6)))
    joined = "\n".join(lines)
    return joined.replace(",", ";") if action == "separator" else joined


def damage(original: Path, path: Path, rng: np.random.Generator) -> None:
    """Write a damaged copy of a file."""
    data = original.read_bytes()
    if rng.random() < 0.5:
        if original.suffix == ".h5":
            path.write_bytes(data)
            damaged_stores.damage(path, rng)
            return
        if original.suffix == ".json":
            path.write_text(damage_json(data.decode(), rng))
            return
        if original.suffix == ".csv":
            path.write_text(damage_cells(data.decode(), rng), encoding="utf-8")
            return
    path.write_bytes(damage_bytes(data, rng))


# How it is read


def read_sound(path: Path) -> None:
    from musiclab import features
    from musiclab.audio import load_audio
    from musiclab.core.errors import AudioError
    from musiclab.store import extract

    waveform, rate = load_audio(path, None)
    assert waveform.dtype == np.float32, waveform.dtype
    assert len(waveform), "an empty waveform"
    assert np.isfinite(waveform).all(), "samples that are not finite"
    assert len(waveform) < 1000 * path.stat().st_size + 1_000_000, f"{len(waveform)} samples"
    offset = len(waveform) // 3 / rate
    part, _ = load_audio(path, None, offset=offset, duration=0.1)
    start = round(offset * rate)
    np.testing.assert_array_equal(part, waveform[start : start + len(part)])
    try:
        values = extract(path, {"audio": features.AudioConfig(RATE), "logmel": features.MelConfig()})
    except AudioError:  # too short
        return
    assert np.isfinite(values["logmel"]).all(), "features that are not finite"


def read_store(path: Path) -> None:
    from musiclab.store import Segments, Store, verify

    faults = verify(path)
    with Store(path) as store:
        str(store.describe()).encode()
        for feature in store.features:
            Segments.of_store(store, feature, length=4, places="covering").batch([0])
    assert isinstance(faults, list)


def read_run(path: Path) -> None:
    import musiclab

    run = musiclab.load(path.parent)
    run.predict(np.zeros(RATE, np.float32), RATE)
    json.dumps(run.to_dict())
    if run.result is not None:
        run.report()


def read_table(path: Path) -> None:
    from musiclab.datasets import AudioFolder

    dataset = AudioFolder(path.parent)
    assert len(dataset), "no clips"
    json.dumps(dataset.index.to_dict("records"))


KINDS = {
    "sounds": (make_sounds, read_sound),
    "stores": (make_stores, read_store),
    "runs": (make_runs, read_run),
    "tables": (make_tables, read_table),
}


# In processes that may die


def try_one(kind: str, originals: list[Path], seed: int, number: int, folder: Path) -> str:
    """Damage a file by its number, read it, and return "result", "message" or the traceback."""
    from musiclab.core.errors import MusiclabError

    rng = np.random.default_rng([seed, list(KINDS).index(kind), number])
    original = originals[number % len(originals)]
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original.parent, folder)
    path = folder / original.name
    damage(original, path, rng)
    try:
        KINDS[kind][1](path)
    except MusiclabError as error:
        return "message" if str(error).strip() else "an empty message"
    except Exception:
        return traceback.format_exc()
    return "result"


def work(kind: str, originals: list[Path], seed: int, folder: Path, pipe) -> None:
    """Answer numbers with outcomes until None comes."""
    import logging

    import torch

    torch.set_num_threads(1)
    logging.disable()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders write warnings to it
    used = (
        int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if sys.platform == "linux" else 0
    )
    resource.setrlimit(resource.RLIMIT_AS, (used + LIMIT_BYTES, resource.RLIM_INFINITY))
    while (number := pipe.recv()) is not None:
        pipe.send(try_one(kind, originals, seed, number, folder))


class Worker:
    """A process that reads one damaged file after the other, and is started again when it dies or hangs."""

    def __init__(self, kind: str, originals: list[Path], seed: int, folder: Path):
        self.arguments = kind, originals, seed, folder
        self.process = None

    def ask(self, number: int) -> None:
        if self.process is None or not self.process.is_alive():
            context = multiprocessing.get_context("spawn")
            self.pipe, other = context.Pipe()
            self.process = context.Process(target=work, args=(*self.arguments, other), daemon=True)
            self.process.start()
            other.close()
        self.pipe.send(number)

    def answer(self) -> str:
        try:
            if self.pipe.poll(LIMIT_S):
                return self.pipe.recv()
            self.process.kill()
            self.process.join()
            return "no answer in time"
        except EOFError:
            self.process.join()
            return f"the process died ({self.process.exitcode})"

    def close(self) -> None:
        if self.process is not None and self.process.is_alive():
            self.pipe.send(None)
            self.process.join()


def run(kind: str, count: int, seed: int, folder: Path, workers: int = 2) -> tuple[Counter, dict[int, str]]:
    """Damage and read ``count`` files of a kind; return how many ended how, and what was neither result nor message."""
    originals_folder = folder / f"{kind} whole"
    originals_folder.mkdir(parents=True)
    originals = KINDS[kind][0](originals_folder)
    outcomes, faults = Counter(), {}
    team = [Worker(kind, originals, seed, folder / f"{kind} {place}" / "damaged") for place in range(workers)]
    for first in range(0, count, workers):
        numbers = range(first, min(first + workers, count))
        for worker, number in zip(team, numbers, strict=False):
            worker.ask(number)
        for worker, number in zip(team, numbers, strict=False):
            outcome = worker.answer()
            is_fine = outcome in ("result", "message")
            outcomes[outcome if is_fine else "fault"] += 1
            if not is_fine:
                faults[number] = outcome
    for worker in team:
        worker.close()
    return outcomes, faults


def main() -> None:
    """Run all kinds and print a table; exit status 1 if there were faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000, help="files of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--only", metavar="KIND:NUMBER", help="damage one file, and show what happens")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["MUSICLAB_CACHE"] = str(folder / "cache")
        if arguments.only:
            kind, number = arguments.only.split(":")
            (folder / "whole").mkdir()
            originals = KINDS[kind][0](folder / "whole")
            print(try_one(kind, originals, arguments.seed, int(number), folder / "damaged"))
            return
        print(f"{'kind':8} {'files':>7} {'results':>8} {'messages':>9} {'faults':>7}")
        is_bad = False
        for kind in arguments.kind or KINDS:
            outcomes, faults = run(kind, arguments.count, arguments.seed, folder)
            counts = (outcomes[each] for each in ("result", "message", "fault"))
            print("{:8} {:7} {:8} {:9} {:7}".format(kind, arguments.count, *counts), flush=True)
            for number, text in list(faults.items())[:20]:
                print(f"  --only {kind}:{number}  {text.strip().splitlines()[-1]}", flush=True)
            is_bad |= bool(faults)
    sys.exit(is_bad)


if __name__ == "__main__":
    main()
