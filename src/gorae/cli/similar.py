"""`gorae similar`: what rows resemble, which are variants of each other, and what nothing explains."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from gorae.cli.interrupts import held_interrupts
from gorae.cli.options import as_json, encoding, force, header, print_json, quiet, quietly, shown
from gorae.cli.outputs import check_folder, refuse_existing, stem_of
from gorae.cli.predict import open_model, tell_unseen
from gorae.cli.sources import Reading, new_rows
from gorae.errors import DataError, WriteError, closest

_GROUPS = 10
_UNLIKE = 5


@click.command(short_help="Say what rows resemble, and find variants.")
@click.argument("model", type=click.Path())
@click.argument("data", type=click.Path())
@click.option("--neighbors", type=click.IntRange(1), default=5, show_default=True, help="Told for each row.")
@click.option(
    "--space",
    default="last",
    show_default=True,
    help='Where rows are compared: last (hidden layer), inputs, outputs, or a layer as "hidden 1".',
)
@click.option("--metric", default="l2", show_default=True, help="l2, l1, cosine or chebyshev.")
@click.option("--map", default="pca", show_default=True, help="Of the report: pca, tsne or umap.")
@click.option(
    "--unknown",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Say as well which rows are unlike the training data, flagging at most this share of known ones.",
)
@click.option(
    "--target", metavar="COLUMN", help="The column of DATA that holds what is true, to mark errors."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Where the table of all rows goes. Default: DATA-similar.csv.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Where the report goes. Default: as --out, with .html.",
)
@header
@encoding
@as_json
@quiet
@force
def similar(
    model: str,
    data: str,
    neighbors: int,
    space: str,
    metric: str,
    map: str,
    unknown: float | None,
    target: str | None,
    out: str | None,
    report: str | None,
    header: bool,
    encoding: str,
    as_json: bool,
    quiet: bool,
    force: bool,
) -> None:
    """Say what the rows of DATA resemble among the training rows that MODEL keeps, and write a report.

    For each row: the prediction, the nearest training rows, how usual such a distance is, the group of
    variants it belongs to, and which row it repeats. Groups are rows, of DATA and of the training data, that
    lie far denser than what is around them; one without a training row is what no class explains. The
    report has a map of all rows. Rows are counted from 0 and without the header line.
    """
    table = Path(out) if out is not None else Path(f"{stem_of(data)}-similar.csv")
    page = Path(report) if report is not None else table.with_suffix(".html")
    if table == page:
        raise click.UsageError(f"the table and the report would both be {str(table)!r}; change --report.")
    refuse_existing([table], force)
    refuse_existing([page], force, "--report")
    fitted = open_model(model)
    reading = Reading(header, encoding)
    with quietly(quiet):
        rows = new_rows(fitted, data, reading)
        tell_unseen(fitted, rows)
        actual = None if target is None else _truth(rows, target, data)
        for folder in {table.parent, page.parent}:
            check_folder(folder)
        found = import_module("gorae.study").similar(
            fitted,
            rows,
            neighbors=neighbors,
            space=space,
            metric=metric,
            map=map,
            unknown=unknown,
            actual=actual,
            name=stem_of(data),
            tell=None if quiet else lambda phrase: click.echo(f"gorae: {phrase}", err=True),
        )
    with held_interrupts():
        found.to_csv(table, force=force)
        try:
            found.report(page, force=force)
        except WriteError as error:
            raise WriteError(f"{error} The table itself was written to {str(table)!r}.") from error
        if as_json:
            written = {"csv_file": str(table), "report_file": str(page)}
            print_json("gorae.similar/1", {**found.to_dict(), **written})
        else:
            click.echo(_as_text(found, table, page))


def _truth(rows: Any, target: str, data: str) -> Any:
    """Return the column that holds what is true.

    Raises:
        DataError: when there is none, or it has gaps.
    """
    names = list(getattr(rows, "columns", ()))
    if target not in names:
        near = closest(target, names)
        hint = f" (did you mean {near!r}?)" if near else ""
        raise DataError(f"{data!r} has no column {target!r}{hint} to compare predictions with.")
    column = rows[target]
    if column.null_count():
        raise DataError(
            f"the column {target!r} of {data!r} has {column.null_count()} gaps; fill them, or leave --target "
            "out."
        )
    return column.to_numpy()


def _as_text(found: Any, table: Path, page: Path) -> str:
    """Return what is printed for people."""
    told = [f"compared in {found.facts['space_words']}, {found.facts['metric']}"]
    new = [group for group in found.variants if group.is_new]
    told.append(f"groups of variants: {len(found.variants)}, of which {len(new)} without a training row")
    order = sorted(found.variants, key=lambda group: (not group.is_new, group.number))
    for group in order[:_GROUPS]:
        labels = (
            ", ".join(f"{shown(_label(label))} ({rows})" for label, rows in group.labels[:3]) or "none: new"
        )
        first = ", ".join(map(str, group.rows[:5])) + (", ..." if len(group.rows) > 5 else "")
        told.append(
            f"  group {group.number}: {len(group.rows)} rows ({first}); training rows: {len(group.known)}; "
            f"labels: {labels or 'none: new'}"
        )
    if len(order) > _GROUPS:
        told.append(f"  and {len(order) - _GROUPS} more")
    told.append(_repeats(found.twins))
    told.append("most unlike the training rows:")
    listed = {row["row"]: row for row in found.rows()}
    for row in (listed[number] for number in found.most_unlike(_UNLIKE)):
        near = row["nearest"][0]
        told.append(
            f"  row {row['row']}: {shown(_label(row['prediction']))}; nearest is training row {near['row']} "
            f"({shown(_label(near['label']))}) at {near['distance']:.4g}; "
            f"{100 * row['share_farther']:.1f} % of training rows are as far from theirs"
        )
    if found.unknown is not None:
        count = int(found.unknown.sum())
        told.append(f"unlike the training data: {count} of {len(found.unknown)} rows")
    told += [f"note: {note}" for note in found.notes]
    told.append(f"table: {table}   report: {page}")
    return "\n".join(told)


def _label(value: Any) -> str:
    """Return a label as it is, a number with few digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _repeats(twins: Any) -> str:
    """Return which rows repeat another, in a sentence."""
    known = [twin for twin in twins if twin.known]
    if not twins:
        return "repeated rows: none"
    some = ", ".join(f"{twin.row} ({_whose(twin)} {twin.other})" for twin in [*known, *twins][:_UNLIKE])
    return f"repeated rows: {len(known)} of a training row, {len(twins) - len(known)} of another: {some}"


def _whose(twin: Any) -> str:
    """Return what kind of row a row repeats."""
    kind = "training row" if twin.known else "row"
    return kind if twin.equal else f"nearly {kind}"
