"""What is in a store, in words: what ``musiclab inspect`` prints."""

import numpy as np

from musiclab.store.reading import VERSION, Store


def describe(store: Store) -> str:
    """A page on a store: sizes, features with their settings, classes with counts, folds, licence, failures."""
    index, seconds = store.index, store.index["seconds"].sum()
    rate = store.config.get("audio", next(iter(store.config.values()), {})).get("sample_rate", 0)
    size, raw = store.path.stat().st_size, 2 * rate * seconds
    against = f", {size / raw:.2f} of raw 16-bit audio at {rate} Hz ({megabytes(raw)})" if raw else ""
    lines = [
        f"{store.path}: {len(store)} clips, {seconds / 3600:.2f} h, {megabytes(size)}{against}",
        f"  format    {VERSION}; made with {', '.join(f'{name} {value}' for name, value in store.versions.items())}",
        f"  source    {store.source.get('name', '')}, files up to {store.as_of or 'an unknown time'}",
        f"  licence   {store.source.get('licence') or 'unknown'}",
        f"  citation  {store.source.get('citation') or 'none'}",
        f"  protocol  {store.source.get('protocol') or 'none'}",
        f"  lengths   {index['seconds'].min():.2f} to {index['seconds'].max():.2f} s",
        f"  groups    {index['group'].nunique()}",
        "features",
    ]
    lines += [line for feature in store.features for line in _feature(store, feature)]
    lines += ["classes", *("  " + line for line in _classes(store).to_string().splitlines())]
    lines.append(f"failures: {len(store.failures) or 'none'}")
    lines += [f"  {reason}" for _, reason in store.failures]
    return "\n".join(lines)


def megabytes(size: float) -> str:
    """A number of bytes as text, such as ``1.5 MB``."""
    return f"{size / 1e6:.1f} MB"


def _feature(store: Store, feature: str) -> list[str]:
    """Two lines: type, shape and size of a feature, and its settings."""
    offsets = store.offsets(feature)
    values = store.read_part(feature, 0, 0)  # of no length: for the type alone
    shape = (int(offsets[-1]), *values.shape[1:])
    lengths = np.diff(offsets)
    each = f"{lengths.min():,}" if lengths.min() == lengths.max() else f"{lengths.min():,} to {lengths.max():,}"
    unit = "samples" if feature == "audio" else "frames"
    settings = ", ".join(f"{key}={value}" for key, value in store.config[feature].items())
    shown = " x ".join(f"{number:,}" for number in shape)
    return [
        f"  {feature:<9} {values.dtype!s:<8} {shown}, {each} {unit} a clip, {megabytes(store.bytes(feature))}",
        f"            {settings}",
    ]


def _classes(store: Store):
    """A table: clips of each class, in all and by fold or by split."""
    index = store.index
    by = "fold" if (index["fold"] > 0).any() else "split"
    table = index.groupby("label").size().reindex(store.classes, fill_value=0).to_frame("clips")
    table["minutes"] = (index.groupby("label")["seconds"].sum().reindex(store.classes, fill_value=0) / 60).round(1)
    if by == "fold" or (index["split"] != "").any():
        counts = index.groupby(["label", by]).size().unstack(fill_value=0).reindex(store.classes, fill_value=0)
        table = table.join(counts.rename(columns=lambda name: f"{by} {name}" if by == "fold" else name or "(none)"))
    return table.rename_axis(None)
