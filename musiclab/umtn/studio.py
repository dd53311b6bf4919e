"""Four domains that Studio plays: the same pieces, in the same room, by other instruments."""

from dataclasses import replace
from pathlib import Path

from musiclab import studio
from musiclab.audio import save_audio
from musiclab.core.progress import progress
from musiclab.umtn.split import divide

ENSEMBLES = {
    "Solo_Piano": {"bass": "piano", "chords": "piano", "lead": "piano"},
    "String_Quartet": {"bass": "cello", "chords": "strings", "lead": "violin"},
    "Organ": {"bass": "organ", "chords": "organ", "lead": "organ"},
    "Plucked_Guitar": {"bass": "nylon guitar", "chords": "nylon guitar", "lead": "nylon guitar"},
}
"""Who plays the three parts, by domain; drums and pad are silent."""


def studio_domains(
    folder: str | Path,
    pieces: int = 20,
    seconds: float = 10.0,
    train: float = 0.8,
    val: float = 0.1,
    seed: int = 18,
    ensembles: dict[str, dict[str, str]] = ENSEMBLES,
) -> dict[str, Path]:
    """Render the domains as folders of wav files, divided like ``train.sh`` wants them.

    Every domain plays the same pieces, note for note, and a piece is in the same part of every domain: a network
    that is validated on a piece has never heard it, by any instrument. Generated sound: 22,050 Hz mono, free of rights.

    Parameters
    ----------
    folder
        Gets ``<domain>/<train, val or test>/piece-000.wav`` ...
    pieces
        How many, each by one of Studio's classical writers in turn.
    seconds
        Length of a piece.
    train, val, seed
        How the pieces are divided (:func:`musiclab.umtn.divide`).
    ensembles
        Instruments of each domain, names of :data:`musiclab.studio.instruments.INSTRUMENTS`.

    Returns
    -------
    dict of domain to pathlib.Path
        Its folder.

    Raises
    ------
    DatasetError
        Too few pieces to divide, or an unknown instrument.
    """
    folder = Path(folder)
    parts = divide([f"{piece:03d}" for piece in range(pieces)], train, val, seed)
    part_of = {piece: part for part, members in parts.items() for piece in members}
    genres = {
        # of one name, so that all that is drawn by name (notes, room, noise) is the same
        domain: replace(studio.GENRES["classical"], **{stem: (instrument,) for stem, instrument in players.items()})
        for domain, players in ensembles.items()
    }
    jobs = [(domain, piece) for domain in ensembles for piece in range(pieces)]
    for domain, piece in progress(jobs, "rendering", unit="piece"):
        track = studio.render(genres[domain], seed=piece, seconds=seconds, mute=("drums", "pad"))
        save_audio(folder / domain / part_of[piece] / f"piece-{piece:03d}.wav", track.samples, track.sample_rate)
    return {domain: folder / domain for domain in ensembles}
