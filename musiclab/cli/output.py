"""What several commands print."""

import json
import sys


def list_failures(failures) -> None:
    if failures:
        print(f"{len(failures)} files could not be read and are left out:", file=sys.stderr)
        for _, reason in failures:
            print(f"  {reason}", file=sys.stderr)


def print_outcome(outcome, as_json: bool) -> None:
    print(outcome)
    for fold in outcome.folds:
        print(f"  fold {fold['fold']}: {100 * fold['accuracy']:.1f} %, n = {fold['n']}")
    print(outcome.result.per_class.round(3).to_string())
    if as_json:
        print(json.dumps(outcome.to_dict()))
