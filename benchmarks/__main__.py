"""Measure speed: ``make bench``, or ``python -m benchmarks reading features`` for some of it.

Every module here that has ``run(rounds) -> list of rows`` is a benchmark. A row says what the work is, how fast the
way people usually do it is (``peer``) and how fast ours is in the same run (``ours``), their ratio, the ratio that is
wanted (``goal``), the unit, and what bounds the figure, with how far off that bound it is. ``peer`` and ``goal`` are
None for figures that stand alone. Ratios mean more than rates: a rate is that of this machine at this hour.
"""

import argparse
import json
import os
import platform
from importlib import import_module
from pathlib import Path

import musiclab

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
NAMES = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
COLUMNS = ("work", "peer", "ours", "unit", "ratio", "goal")


def table(rows: list[dict]) -> str:
    """The rows as text: one line of figures each, and below it what bounds them."""
    cells = [list(COLUMNS)]
    for row in rows:
        goal = row["goal"] and f"{row['goal']:g} x, {'met' if row['ratio'] >= row['goal'] else 'MISSED'}"
        ratio = row["ratio"] and f"{row['ratio']:.3g} x"
        cells.append([row["work"], _figure(row["peer"]), _figure(row["ours"]), row["unit"], ratio or "", goal or ""])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for line, row in zip(cells, [None, *rows], strict=True):
        left = (
            text.rjust(width) if 0 < place < 3 else text.ljust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        lines.append("  ".join(left).rstrip())
        if row and row["bound"]:
            lines.append(f"    {row['bound']}")
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    """Run the benchmarks that are named, or all; print one table and write it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed, as ratios.")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; all of them when left out")
    parser.add_argument("--rounds", type=int, default=5, help="a figure is the median of so many (default 5)")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="also write the rows to this file")
    wanted = parser.parse_args()
    unknown = [name for name in wanted.names if name not in NAMES]
    if unknown:
        parser.error(f"expected names among {', '.join(NAMES)}, found {', '.join(unknown)}")

    rows = []
    for name in wanted.names or NAMES:
        rows += import_module(f"benchmarks.{name}").run(rounds=wanted.rounds)
    about = {
        "musiclab": musiclab.__version__,
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "rounds": wanted.rounds,
    }
    print(table(rows))
    wanted.json.write_text(json.dumps({**about, "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
