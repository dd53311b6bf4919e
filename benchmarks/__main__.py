"""Compare the speed of musiclab with that of the code people usually copy.

``make bench`` runs all benchmarks, and ``python -m benchmarks reading features`` runs two of them.

Every module in this folder that has a function ``run(rounds) -> list[dict]`` is a benchmark. Each dictionary becomes
a row of the table:

``work``
    Name of the measurement.
``peer``, ``ours``, ``unit``
    Figures of the baseline, if there is one, and of musiclab, measured in the same run.
``ratio``, ``goal``
    ``ours / peer`` and the ratio that we aim for, or None.
``bound``
    What limits the figure.

Compare ratios. Rates depend on the machine and on what else it is doing.
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
NAMES = sorted(path.stem for path in HERE.glob("*.py") if "\ndef run(" in path.read_text(encoding="utf-8"))
TITLES = ("benchmark", "baseline", "ours", "unit", "ratio", "goal")


def format_table(rows: list[dict]) -> str:
    """Format rows as text, with the bound of each row on a line of its own."""
    cells = [list(TITLES)]
    for row in rows:
        goal = row["goal"] and f"{row['goal']:g} x, {'met' if row['ratio'] >= row['goal'] else 'MISSED'}"
        ratio = row["ratio"] and f"{row['ratio']:.3g} x"
        cells.append([row["work"], _format(row["peer"]), _format(row["ours"]), row["unit"], ratio or "", goal or ""])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for texts, row in zip(cells, [None, *rows], strict=True):
        aligned = (
            text.rjust(width) if column in (1, 2) else text.ljust(width)
            for column, (text, width) in enumerate(zip(texts, widths, strict=True))
        )
        lines.append("  ".join(aligned).rstrip())
        if row and row["bound"]:
            lines.append(f"    {row['bound']}")
    return "\n".join(lines)


def _format(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    """Run the chosen benchmarks, print one table and save it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"benchmarks to run, from {', '.join(NAMES)} (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions; figures are their median (default: 5)")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="default: benchmarks/results.json")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"unknown benchmark {', '.join(unknown)}. Choose from {', '.join(NAMES)}.")

    rows = []
    for name in options.names or NAMES:
        rows += import_module(f"benchmarks.{name}").run(rounds=options.rounds)
    environment = {
        "musiclab": musiclab.__version__,
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "rounds": options.rounds,
    }
    print(format_table(rows))
    options.json.write_text(json.dumps({**environment, "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
