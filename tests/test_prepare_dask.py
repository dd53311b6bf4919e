"""Past one machine: a Dask cluster makes the same store."""

import joblib
import pytest
from conftest import SAMPLE_RATE

from musiclab.core.errors import StoreError
from musiclab.datasets import AudioFolder
from musiclab.store import extraction, prepare, preparing

distributed = pytest.importorskip("distributed", reason='needs Dask: pip install "musiclab[dask]"')


@pytest.fixture(scope="module")
def cluster():
    """Two processes on this machine."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=40
    ) as cluster:
        yield cluster


@pytest.fixture
def on_workers(monkeypatch):
    """Small parts, and nothing can be extracted in this process."""
    monkeypatch.setattr(preparing, "PART_CLIPS", 3)
    monkeypatch.setattr(extraction, "extract", None)


@pytest.mark.parametrize("way", ["the address of the scheduler", "joblib's setting", "a client that is open"])
def test_a_cluster_makes_the_same_bytes(cluster, small_folder, small_store, tmp_path, on_workers, way):
    dataset, path = AudioFolder(small_folder), tmp_path / "s.h5"
    if way == "the address of the scheduler":
        prepare(dataset, path, progress=False, backend="dask", scheduler=cluster.scheduler_address)
    else:
        with distributed.Client(cluster):
            if way == "joblib's setting":
                with joblib.parallel_config(backend="dask"):
                    prepare(dataset, path, progress=False)
            else:
                prepare(dataset, path, progress=False, backend="dask")
    assert path.read_bytes() == small_store.path.read_bytes()
    assert small_store.config["audio"]["sample_rate"] == SAMPLE_RATE


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"backend": "dask"}, "backend dask: no scheduler; pass its address"),
        (
            {"backend": "dask", "scheduler": "tcp://127.0.0.1:9"},
            r"tcp://127\.0\.0\.1:9: no Dask scheduler answered",
        ),
        ({"backend": "dask", "scheduler": "nowhere"}, "scheduler nowhere: no Dask scheduler answered"),
        ({"scheduler": "tcp://127.0.0.1:9"}, "a scheduler needs the backend dask, found None"),
        ({"backend": "dsk"}, r"expected a backend among threading, loky, dask, found 'dsk'; did you mean dask\?"),
    ],
)
def test_a_cluster_that_is_not_there_is_an_error(small_folder, tmp_path, settings, words, monkeypatch):
    monkeypatch.setattr(extraction, "PATIENCE", 0.5)
    with pytest.raises(StoreError, match=words):
        prepare(AudioFolder(small_folder), tmp_path / "s.h5", progress=False, **settings)
    assert list(tmp_path.iterdir()) == []
