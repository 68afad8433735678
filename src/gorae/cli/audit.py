"""`gorae audit`: labels that look wrong, rows that are there twice, what may leak the answer."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from gorae.cli.interrupts import held_interrupts
from gorae.cli.options import as_json, force, labelled_options, print_json, quiet, quietly, seed, shown
from gorae.cli.outputs import check_folder, refuse_existing, stem_of
from gorae.cli.sources import Reading, open_source
from gorae.errors import WriteError

_SHOWN = 10
_PAIRS = 5


@click.command(short_help="Find labels that look wrong, duplicates and leaks.")
@click.argument("data")
@labelled_options
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True)
@click.option(
    "--repeats",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="How often rows are cut into folds anew; more make the ranking steadier.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Where the ranking of all rows goes. Default: DATA-audit.csv.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Where the report goes. Default: as --out, with .html.",
)
@seed
@as_json
@quiet
@force
def audit(
    data: str,
    target: str | None,
    task: str | None,
    text: str | None,
    drop: tuple[str, ...],
    test: str | None,
    data_dir: str | None,
    download: bool,
    header: bool,
    encoding: str,
    folds: int,
    repeats: int,
    out: str | None,
    report: str | None,
    seed: int,
    as_json: bool,
    quiet: bool,
    force: bool,
) -> None:
    """Rank the rows of DATA by how probably their label is wrong, and write a report.

    DATA is a CSV or Parquet file, or a named data set, as for gorae fit. Every row is judged by models that
    have not learned from it: least squares with a kernel where there are up to 4,000 rows, networks beside
    the row's nearest neighbours where there are more. Told as well: which label stands for which class, rows
    that are there twice, also in the --test file, and what may leak the answer: a column that gives the
    target, a running number, an order of the rows. Rows are numbered as in the file, from 0 and without the
    header line.
    """
    table = Path(out) if out is not None else Path(f"{stem_of(data)}-audit.csv")
    page = Path(report) if report is not None else table.with_suffix(".html")
    if table == page:
        raise click.UsageError(f"the ranking and the report would both be {str(table)!r}; change --report.")
    refuse_existing([table], force)
    refuse_existing([page], force, "--report")
    with quietly(quiet):
        source = open_source(
            data, target, drop, test, data_dir, download, Reading(header, encoding), seed, text
        )
        for folder in {table.parent, page.parent}:
            check_folder(folder)
        given: dict[str, Any] = source._asdict()
        given["task"] = task or source.task
        found = import_module("gorae.study").audit(
            **given, cv=folds, repeats=repeats, random_state=seed, verbose=0 if quiet else 1
        )
    with held_interrupts():
        found.to_csv(table, force=force)
        try:
            found.report(page, force=force)
        except WriteError as error:
            raise WriteError(f"{error} The ranking itself was written to {str(table)!r}.") from error
        if as_json:
            print_json("gorae.audit/1", _as_object(found, table, page))
        else:
            click.echo(_as_text(found, table, page))


def _as_object(found: Any, table: Path, page: Path) -> dict[str, Any]:
    """Return what `--json` prints."""
    return {
        "data": {key: found.facts[key] for key in ("name", "rows", "columns", "classes", "target")},
        **found.to_dict(_SHOWN),
        "csv_file": str(table),
        "report_file": str(page),
    }


def _as_text(found: Any, table: Path, page: Path) -> str:
    """Return what is printed for people."""
    low, high = found.interval
    lines = [
        f"About {100 * found.noise:.1f} % of the labels look wrong ({100 * low:.1f} to {100 * high:.1f}); "
        f"{len(found.wrong_rows)} of {found.facts['rows']} rows have a label more probably wrong than right.",
        f"Out of fold {100 * found.found.agreement:.1f} % of the labels are predicted; rows that these "
        "columns cannot tell apart count as wrong too.",
        "",
        *_ranked(list(found.ranking(_SHOWN))),
        "",
    ]
    lines += [
        f"label {shown(pair['label'])} stands for {shown(pair['true'])} in about {pair['rows']:.0f} rows"
        for pair in found.pairs()[:_PAIRS]
        if pair["rows"] >= 0.5
    ]
    lines += _twins(found.twins)
    lines += [f"leak? {shown(one.sentence)} {one.advice}" for one in found.leaks]
    lines += [f"note: {shown(note)}" for note in found.notes]
    lines.append(f"ranking: {table}   report: {page}")
    return "\n".join(lines)


def _ranked(rows: list[dict[str, Any]]) -> list[str]:
    """Return rows as the lines of a table."""
    head = ["row", "label", "suggested", "wrong", "nearest same", "nearest suggested"]
    cells = [
        [
            str(row["row"]),
            shown(row["label"]),
            shown(row["suggested"]),
            f"{row['probability_wrong']:.4f}",
            _near(row["nearest_same"], row["distance_same"]),
            _near(row["nearest_suggested"], row["distance_suggested"]),
        ]
        for row in rows
    ]
    widths = [max(len(line[at]) for line in [head, *cells]) for at in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *cells]
    ]


def _near(row: int | None, distance: float | None) -> str:
    """Return a neighbour in words."""
    return "-" if row is None or distance is None else f"{row} ({distance:.3g})"


def _twins(twins: Any) -> list[str]:
    """Return what is there twice, in sentences."""
    told = []
    if twins.repeated:
        disputed = f", {twins.disputed} of the groups under different labels" if twins.disputed else ""
        first = "; ".join(", ".join(str(row) for row, _ in group[:_PAIRS]) for group in twins.groups[:_PAIRS])
        more = "; ..." if len(twins.groups) > _PAIRS else ""
        told.append(
            f"duplicates: {twins.repeated} rows are equal to one before them ({first}{more}){disputed}"
        )
    if twins.near_pairs:
        told.append(f"duplicates: {twins.near_pairs} pairs of rows are nearly equal")
    return told or ["duplicates: none"]
