"""The studio's promises: the same every time, one change at a time, stems that sum, a true record."""

import dataclasses
import hashlib
import itertools
import json
import subprocess
import sys

import numpy as np
import pytest

from musiclab import studio
from musiclab.studio.performance import write
from musiclab.studio.plan import make_plan
from musiclab.studio.theory import PITCH_NAMES, QUALITIES, parse_key

GENRES = ["blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock"]


def digest(genre, seed):
    return hashlib.sha256(studio.render(genre, seed, seconds=1.5).samples.tobytes()).hexdigest()


def score_of(genre, seed, player=None, seconds=20.0, **changes):
    plan = make_plan(studio.GENRES[genre], seed, **changes)
    return write(plan, player or plan.writer, seconds)


def test_genres_are_those_of_gtzan():
    assert list(studio.GENRES) == GENRES


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.71828])
def test_exact_length(seconds):
    track = studio.render("pop", 4, seconds=seconds)
    assert track.samples.shape == (round(seconds * 22_050),)
    assert track.samples.dtype == np.int16
    assert track.waveform.dtype == np.float32
    assert track.sample_rate == 22_050


def test_same_samples_in_another_process_and_order():
    here = [digest(genre, 5) for genre in GENRES]
    code = (
        "import hashlib\nfrom musiclab import studio\n"
        "for genre in reversed(list(studio.GENRES)):\n"
        "    samples = studio.render(genre, 5, seconds=1.5).samples\n"
        "    print(hashlib.sha256(samples.tobytes()).hexdigest())\n"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert there.stdout.split()[::-1] == here
    assert len(set(here)) == len(GENRES)


def test_seeds_differ():
    assert len({digest("jazz", seed) for seed in range(6)}) == 6


@pytest.mark.parametrize("genre", GENRES)
def test_record_is_consistent(genre):
    track = studio.render(genre, 7, seconds=12.0)
    record = track.record
    assert json.loads(json.dumps(record)) == record
    assert record["genre"] == genre
    assert record["artist"] == record["writer"] == studio.artists(genre)[7].name
    beats, downbeats = np.array(record["beats"]), np.array(record["downbeats"])
    np.testing.assert_allclose(np.diff(beats), 60 / record["tempo"], atol=2e-4)
    np.testing.assert_allclose(np.diff(downbeats), record["beats_per_bar"] * 60 / record["tempo"], atol=2e-4)
    assert set(downbeats) <= set(beats)
    for spans in (record["chords"], record["sections"]):
        assert spans[0][0] == 0
        assert spans[-1][1] == pytest.approx(12.0)
        for before, after in itertools.pairwise(spans):
            assert before[1] == pytest.approx(after[0], abs=2e-4)
    for _, _, name in record["chords"]:
        root, quality = name.split(":")
        assert root in PITCH_NAMES
        assert quality in QUALITIES
    tonic, mode = parse_key(record["key"])
    assert 0 <= tonic < 12
    assert mode in studio.GENRES[genre].progressions


def chord_at(score, time):
    root, quality = next(name for start, end, name in score.chords if start <= time < end).split(":")
    return PITCH_NAMES.index(root), {(PITCH_NAMES.index(root) + step) % 12 for step in QUALITIES[quality]}


@pytest.mark.parametrize("genre", GENRES)
def test_what_is_played_agrees_with_the_chords_of_the_record(genre):
    score = score_of(genre, 3, seconds=30.0)
    for start, length, pitch, _ in score.notes["pad"]:
        if start > 0 and start + length < 30:
            assert pitch % 12 in chord_at(score, start + length / 2)[1]
    roots = [
        pitch % 12 == chord_at(score, downbeat + 0.02)[0]
        for downbeat in score.downbeats
        for start, _, pitch, _ in score.notes["bass"]
        if abs(start - downbeat) < 0.04
    ]
    assert len(roots) >= 5
    assert np.mean(roots) > 0.9


@pytest.mark.parametrize("genre", ["blues", "metal", "classical"])
def test_stems_sum_to_the_mix(genre):
    mix = studio.render(genre, 2, seconds=3.0)
    stems = studio.stems(genre, 2, seconds=3.0)
    assert tuple(stems) == studio.STEMS
    np.testing.assert_allclose(sum(stems.values()), mix.samples / 32767, atol=1e-4)
    alone = [
        studio.render(genre, 2, seconds=3.0, mute=[other for other in studio.STEMS if other != stem]).samples
        for stem in studio.STEMS
    ]
    assert np.abs(np.sum(alone, axis=0, dtype=np.int64) - mix.samples).max() <= 4  # seven roundings of half a step


def test_muting_leaves_the_other_stems_alone():
    mix, muted = studio.render("rock", 2, seconds=3.0), studio.render("rock", 2, seconds=3.0, mute="drums")
    drums = studio.stems("rock", 2, seconds=3.0)["drums"]
    assert np.abs(drums).max() > 0.05
    np.testing.assert_allclose(mix.waveform - drums, muted.waveform, atol=2e-4)
    assert muted.record == mix.record | {"mute": ["drums"]}
    assert not studio.render("rock", 2, seconds=1.0, mute=studio.STEMS).samples.any()


def test_another_tempo_plays_the_same_notes_sooner():
    slow, fast = score_of("country", 6, tempo=90.0), score_of("country", 6, tempo=135.0)
    assert [name for *_, name in fast.chords][: len(slow.chords)] == [name for *_, name in slow.chords]
    for stem, notes in slow.notes.items():
        later = [note for note in notes if note[0] > slow.downbeats[0] - 0.05][:-4]  # the end may cut a chord
        sooner = [note for note in fast.notes[stem] if note[0] > fast.downbeats[0] - 0.05][: len(later)]
        assert [note[2:] for note in later] == [note[2:] for note in sooner]
        moved = [early[0] - 90 / 135 * late[0] for early, late in zip(sooner, later, strict=True)]
        assert np.abs(moved).max(initial=0) < 0.02  # hands are late by the same milliseconds at any tempo


def test_another_key_transposes_all_but_the_drums():
    before, after = score_of("jazz", 8, key="C"), score_of("jazz", 8, key="E")
    assert after.notes["drums"] == before.notes["drums"]
    for stem in ("bass", "chords", "pad", "lead"):
        assert [n[:2] for n in after.notes[stem]] == [n[:2] for n in before.notes[stem]]
        assert {b[2] - a[2] for a, b in zip(before.notes[stem], after.notes[stem], strict=True)} <= {4}
    record = studio.render("jazz", 8, key="E", seconds=2).record
    original = studio.render("jazz", 8, seconds=2).record
    assert record["key"].split() == ["E", original["key"].split()[1]]
    assert {name for name in record if record[name] != original[name]} <= {"key", "chords"}


def test_more_swing_moves_only_what_lies_off_the_beat():
    straight, swung = score_of("rock", 4, swing=0.5), score_of("rock", 4, swing=0.66)
    assert straight.beats == swung.beats
    assert straight.chords == swung.chords
    moved = np.array([b[0] - a[0] for a, b in zip(straight.notes["bass"], swung.notes["bass"], strict=True)])
    assert (moved > -1e-9).all()
    assert (moved < 1e-9).any()
    assert (moved > 0.03).any()


def test_another_artist_plays_the_same_notes_with_other_instruments():
    stranger = studio.artists("metal")[2]
    own, cover = score_of("jazz", 3), score_of("jazz", 3, player=stranger)
    for stem, notes in own.notes.items():
        assert [note[2] for note in notes] == [note[2] for note in cover.notes[stem]]
    original = studio.render("jazz", 3, seconds=2)
    covered = studio.render("jazz", 3, seconds=2, artist="metal-02")
    changed = {name for name in original.record if original.record[name] != covered.record[name]}
    assert {"artist", "instruments"} <= changed <= {"artist", "instruments"}
    assert np.abs(original.waveform - covered.waveform).max() > 0.05


def test_a_short_track_is_the_start_of_a_long_one():
    short, long = (
        studio.render("reggae", 1, seconds=4.0).record,
        studio.render("reggae", 1, seconds=12.0).record,
    )
    assert long["beats"][: len(short["beats"])] == short["beats"]
    assert short["key"] == long["key"]


def test_an_eleventh_genre_needs_no_registration():
    surf = dataclasses.replace(
        studio.GENRES["rock"],
        name="surf",
        grooves=(
            studio.Groove(
                "surf beat",
                tempo=(150, 170),
                drums=("driving",),
                bass=("eighths walk",),
                comping=("tremolo",),
                melody=("runs",),
            ),
        ),
        scales={"major": "mixolydian", "minor": "harmonic minor"},
        lead=("clean guitar",),
    )
    track = studio.render(surf, 1, seconds=3.0)
    assert track.record["genre"] == "surf"
    assert 150 <= track.record["tempo"] <= 170
    assert track.record["artist"] == "surf-01"
    assert track.record["instruments"]["lead"] == "clean guitar"
    assert np.abs(track.waveform).max() > 0.1
    names = {entry["artist"] for entry in studio.catalogue(10, 3.0, genres=(surf,))}
    assert names == {artist.name for artist in studio.artists(surf)}


def test_artists_own_what_their_genre_plays():
    for name, genre in studio.GENRES.items():
        artists = studio.artists(name)
        assert len(artists) >= 6
        assert len({artist.name for artist in artists}) == len(artists)
        for artist in artists:
            assert artist.instruments["lead"] in genre.lead
            assert artist.instruments["drums"] in genre.kits


def test_catalogue_spreads_tracks_evenly_over_artists():
    entries = studio.catalogue(20, 6.0, seed=3)
    assert len(entries) == 200
    for genre in GENRES:
        played = [entry["artist"] for entry in entries if entry["genre"] == genre]
        assert {played.count(artist) for artist in set(played)} == {2}
    entry = entries[57] | {"seconds": 1.0}
    record = studio.render(**entry).record
    assert record["artist"] == record["writer"] == entry["artist"]
    assert {e["seed"] for e in entries}.isdisjoint({e["seed"] for e in studio.catalogue(20, 6.0, seed=4)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"genre": "hip-hop"}, "found 'hip-hop'; did you mean hiphop?"),
        ({"genre": "zydeco"}, "expected a genre among blues, .*, found 'zydeco'"),
        ({"seed": -1}, "expected seed to be a whole number of at least 0, found -1"),
        ({"seed": 1.5}, "seed .* found 1.5"),
        ({"seed": True}, "seed .* found True"),
        ({"key": "H major"}, "expected a key such as 'A minor', .* found 'H major'"),
        ({"key": "A lydian"}, "key .* found 'A lydian'"),
        ({"genre": "metal", "key": "C major"}, "key 'C major': metal has only minor progressions; choose a minor key"),
        ({"tempo": 5}, "expected tempo to be a finite number from 40 to 220, found 5"),
        ({"tempo": float("nan")}, "tempo .* found nan"),
        ({"swing": 0.9}, "swing .* found 0.9"),
        ({"seconds": 0}, "seconds .* found 0"),
        ({"seconds": "6"}, "seconds .* found '6'"),
        ({"mute": ("drum",)}, "found 'drum'; did you mean drums?"),
        ({"artist": "jazz-3"}, "found 'jazz-3'; did you mean jazz-03?"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        studio.render(**({"genre": "jazz", "seed": 1, "seconds": 1.0} | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lead": ("violine",)}, "each instrument of genre 'blues' among .* found 'violine'; did you mean violin?"),
        ({"scales": {"major": "blues"}}, "minor progressions need a scale; set scales.minor"),
        ({"form": ()}, "has no section"),
        ({"vocals": ("tenr",)}, "each voice of genre 'blues' among .* found 'tenr'; did you mean tenor?"),
        ({"sound": {"romm_time": (1.0, 2.0)}}, "sound of genre 'blues' .* found 'romm_time'; did you mean room_time?"),
        ({"balance": (1.0, 2.0)}, "balance needs 15 numbers, one per band, found 2"),
        (
            {"progressions": {"major": ("I | Q7",)}, "scales": {"major": "blues"}},
            "expected a chord .* found 'Q7'",
        ),
    ],
)
def test_a_genre_with_a_typing_error_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(studio.GENRES["blues"], **change)
