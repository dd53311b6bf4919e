"""Describe a store as text, for ``musiclab inspect``."""

import numpy as np
import pandas as pd

from musiclab.store.metadata import printable


def describe(store) -> str:
    """Summarize a :class:`musiclab.store.Store`: size, source, licence, features, classes, folds and failures."""
    index, seconds = store.index, store.index["seconds"].sum()
    rate = store.config.get("audio", next(iter(store.config.values()), {})).get("sample_rate", 0)
    size, raw = store.path.stat().st_size / 1e6, 2 * rate * seconds / 1e6
    ratio = f", {size / raw:.2f} times the size of 16-bit audio at {rate} Hz ({raw:.1f} MB)" if raw else ""
    versions = ", ".join(f"{name} {value}" for name, value in store.versions.items())
    lines = [
        f"{store.path}: {len(store)} clips, {seconds / 3600:.2f} h, {size:.1f} MB{ratio}",
        f"  format    {store.attributes['version']}; made with {versions}",
        f"  source    {store.source.get('name', '')}, files up to {store.as_of or 'an unknown time'}",
        f"  licence   {store.source.get('licence') or 'unknown'}",
        f"  citation  {store.source.get('citation') or 'none'}",
        f"  protocol  {store.source.get('protocol') or 'none'}",
        f"  lengths   {index['seconds'].min():.2f} to {index['seconds'].max():.2f} s",
        f"  groups    {index['group'].nunique()}",
    ]
    if store.source.get("ignore_copies"):
        lines.append("  copies    not looked for; prepare the store again without --ignore-copies to find them")
    lines.append("features")
    for feature in store.features:
        values, lengths = store.values(feature), np.unique(np.diff(store.offsets(feature)))
        shape = " x ".join(f"{count:,}" for count in values.shape)
        span = " to ".join(f"{length:,}" for length in lengths[[0, -1][: len(lengths)]])
        unit = "samples" if feature == "audio" else "frames"
        lines += [
            f"  {feature:<9} {values.dtype!s:<8} {shape}, {span} {unit} per clip, {values.nbytes / 1e6:.1f} MB",
            f"            {', '.join(f'{key}={value}' for key, value in store.config[feature].items())}",
        ]
    lines += ["classes", *("  " + line for line in _classes(store).to_string().splitlines())]
    lines.append(f"failures: {len(store.failures) or 'none'}")
    lines += [f"  {line}" for _, reason in store.failures for line in reason.splitlines()]
    return "\n".join(map(printable, lines))


def _classes(store) -> pd.DataFrame:
    """Count the clips and minutes of each class, and its clips in each fold or split."""
    labels, folds, splits = (store.index[name] for name in ("label", "fold", "split"))
    seconds = store.index.groupby("label")["seconds"]
    table = pd.DataFrame({"clips": seconds.size(), "minutes": (seconds.sum() / 60).round(1)})
    if folds.any():
        table = table.join(pd.crosstab(labels, folds).add_prefix("fold "))
    elif splits.any():
        table = table.join(pd.crosstab(labels, splits.replace("", "(none)")))
    return table.reindex(store.classes, fill_value=0).rename_axis(None)
