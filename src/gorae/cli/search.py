"""`gorae search`: the settings of one model, tried together."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from gorae.cli.interrupts import INTERRUPTED, held_interrupts
from gorae.cli.options import Halving, data_options, print_json, quietly, run_options, shown, time_option
from gorae.cli.outputs import about_data, check_folder, interval, refuse_existing, stem_of, write_outputs
from gorae.cli.sources import Reading, Source, open_source, task_words
from gorae.errors import FileError, FileExistsRefusal, WriteError

_SHOWN = 10


@click.command(short_help="Search for the best settings of a model.")
@click.argument("data")
@data_options
@click.option(
    "--model",
    type=click.Choice(["mlp", "linear", "knn", "bayes", "sequence"]),
    default="mlp",
    show_default=True,
    help="Of texts the linear model counts n-grams, and sequence is a bag of embeddings or recurrent.",
)
@click.option(
    "--space",
    type=click.Path(),
    metavar="FILE",
    help="TOML: learning_rate = { low = 1e-4, high = 0.1, log = true }, hidden = [[64], [128, 64]]. "
    "Default: the model's own.",
)
@click.option(
    "--settings",
    type=click.IntRange(1, 100_000),
    default=64,
    show_default=True,
    help="Settings to try, at most.",
)
@click.option(
    "--sampler",
    type=click.Choice(["random", "grid", "sobol", "latin_hypercube", "tpe", "cma_es", "evolution", "pbt"]),
    default="random",
    show_default=True,
    help="How settings are drawn; tpe and cma_es need the extra 'tune'.",
)
@click.option(
    "--halving",
    type=Halving(),
    metavar="FACTOR",
    help="Drop all but the best 1/FACTOR of the settings, again and again, while they train; or hyperband.",
)
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=1, show_default=True)
@click.option("--scoring", metavar="NAME", help="A score of scikit-learn. Default: accuracy, or r2.")
@click.option("--nested", is_flag=True, help="Score the whole search too, on rows that it has not seen.")
@time_option("What the search may take: 30s, 10m or 1h; the final fit comes after it.")
@click.option(
    "--resume", type=click.Path(), metavar="FILE", help="Go on with the search that this file keeps."
)
@run_options
def search(
    data: str,
    target: str | None,
    task: str | None,
    text: str | None,
    drop: tuple[str, ...],
    model: str,
    space: str | None,
    resume: str | None,
    test: str | None,
    seed: int,
    out: str,
    data_dir: str | None,
    download: bool,
    header: bool,
    encoding: str,
    device: str,
    as_json: bool,
    quiet: bool,
    force: bool,
    **asked: Any,
) -> int:
    """Try many settings of one model on DATA, all folds and settings trained together, and keep the best.

    DATA is a CSV or Parquet file, or a named data set, as for gorae fit. Every finished part of the search is
    kept in DATA-search.db; after a kill, --resume DATA-search.db goes on with it. Ctrl-C ends the search: the
    best setting so far, its model and the report are written, and the exit code is 130.
    """
    stem = Path(out) / f"{stem_of(data)}-search"
    written = {"model_file": stem.with_name(f"{stem.name}.gorae")}
    written["report_file"] = stem.with_name(f"{stem.name}.html")
    refuse_existing(list(written.values()), force)
    written["search_file"] = Path(resume) if resume is not None else stem.with_name(f"{stem.name}.db")
    _check_journal(written["search_file"], resume is not None, force)
    with quietly(quiet):
        ranges = None if space is None else import_module("gorae.study.space_files").read_space(space)
        source = open_source(
            data, target, drop, test, data_dir, download, Reading(header, encoding), seed, text
        )
        check_folder(Path(out))
        words, notes = task_words(source, task)
        prepared = _prepared(source, task, seed, notes)
        options = _options(asked, str(written["search_file"]), prepared.folds, quiet)
        if not quiet:
            click.echo(f"task: {shown(words)}", err=True)
            click.echo(_plan(model, options, len(prepared.rows.matrix)), err=True)
        with _set_aside(written["search_file"], resume is None):
            found = import_module("gorae.study.searching").search_model(
                prepared,
                model,
                ranges,
                name=source.name,
                target=source.target,
                seed=seed,
                device=None if device == "auto" else device,
                **options,
            )
    with held_interrupts():
        report = partial(import_module("gorae.report").search_report, facts=found.report)
        write_outputs(found.model.save, report, written["model_file"], written["report_file"], force)
        if as_json:
            print_json("gorae.search/1", _as_object(found, written))
        else:
            click.echo(_as_text(found, written))
    return INTERRUPTED if found.search.ended_ == "interrupted" else 0


def _options(asked: dict[str, Any], journal: str, most_folds: int, quiet: bool) -> dict[str, Any]:
    """Return what the search is asked for, by the names of its parameters."""
    return {
        "n_settings": asked["settings"],
        "sampler": asked["sampler"],
        "halving": asked["halving"],
        "folds": min(asked["folds"], most_folds),
        "repeats": asked["repeats"],
        "scoring": asked["scoring"],
        "nested": asked["nested"],
        "budget": {"seconds": asked["budget"]},
        "resume": journal,
        "verbose": 0 if quiet else 2,
    }


def _check_journal(journal: Path, resume: bool, force: bool) -> None:
    """Refuse to lose a search that is there already, and to go on with one that is not."""
    if resume and not journal.exists():
        raise FileError(f"there is no search to resume in {str(journal)!r}; leave --resume out to begin one.")
    if not resume and journal.exists() and not force:
        raise FileExistsRefusal(
            f"{str(journal)!r} holds a search already; go on with it by --resume {str(journal)!r}, or give "
            "--force to begin anew."
        )


@contextmanager
def _set_aside(journal: Path, anew: bool) -> Iterator[None]:
    """Keep an older search until the block has begun one of its own in its place; then it is removed.

    Raises:
        DamagedFileError: when what is there is no search.
        WriteError: when it cannot be moved.
    """
    if not anew or not journal.exists():
        yield
        return
    journals = import_module("gorae.search.journal")
    aside = journal.with_name(f"{journal.name}.old")
    try:
        journals.move_journal(journal, aside)
    except OSError as error:
        raise WriteError(f"{str(journal)!r} could not be replaced: {error.strerror}.") from error
    try:
        yield
    finally:
        if journal.exists():
            journals.remove_journal(aside)
        else:
            journals.move_journal(aside, journal)


def _prepared(source: Source, task: str | None, seed: int, notes: tuple[str, ...]) -> Any:
    """Return the data as the search reads them, test rows held out."""
    parts = import_module("gorae.study.prepare")
    prepared = parts.prepare(
        source.X,
        source.y,
        X_test=source.X_test,
        y_test=source.y_test,
        task=task or source.task,
        image_shape=source.image_shape,
        feature_names=source.feature_names,
        row_numbers=source.row_numbers,
        text=source.text,
        seed=seed,
    )
    told = (*notes, *source.notes, *prepared.notes)
    return import_module("dataclasses").replace(prepared, notes=told)


def _plan(model: str, options: dict[str, Any], rows: int) -> str:
    """Return what is going to be done, to be said before the work starts."""
    folds = f"{options['folds']} folds" + (f" x {options['repeats']}" if options["repeats"] > 1 else "")
    what = "every setting" if options["sampler"] == "grid" else f"at most {options['n_settings']} settings"
    halved = "" if options["halving"] is None else f", halving {_factor(options['halving'])}"
    nested = ", the whole search once more in each fold" if options["nested"] else ""
    return (
        f"plan: {what} of {model} ({options['sampler']}{halved}), {folds} of {rows} rows{nested}; at most "
        f"{options['budget']['seconds']:g} s; kept in {shown(options['resume'])}"
    )


def _factor(halving: float | str) -> str:
    """Return a factor of halving, or its name, in words."""
    return halving if isinstance(halving, str) else f"by {halving:g}"


def _ranked(found: Any) -> list[dict[str, Any]]:
    """Return every setting as it was last scored: those that trained longest first, then by score."""
    results = found.results
    last = {repr(setting): place for place, setting in enumerate(results["params"])}
    rows = [
        {
            "setting": results["params"][place],
            "score": float(results["mean_test_score"][place]),
            "low": float(results["low_test_score"][place]),
            "high": float(results["high_test_score"][place]),
            **({"epochs": int(results["n_resources"][place])} if "n_resources" in results else {}),
        }
        for place in last.values()
    ]
    return sorted(rows, key=lambda row: (-row.get("epochs", 0), row["score"] != row["score"], -row["score"]))


def _as_object(found: Any, files: dict[str, Path]) -> dict[str, Any]:
    """Return what `--json` prints."""
    facts, search = found.facts, found.search
    return {
        "data": about_data(facts["data"]),
        "model": facts["best"],
        **{key: facts["search"][key] for key in ("metric", "settings", "splits", "ended", "nested")},
        "best": _ranked(found)[0] | {"setting": found.results["params"][int(search.best_index_)]},
        "ranking": _ranked(found),
        "test": facts["test"],
        "simpler": facts["simpler"],
        "notes": facts["data"]["notes"],
        **{name: str(path) for name, path in files.items()},
    }


def _table(rows: list[dict[str, Any]], metric: str) -> list[str]:
    """Return settings as the lines of a table."""
    names = list(dict.fromkeys(name for row in rows for name in row["setting"]))
    text = import_module("gorae.search.progress").value_text
    halved = ["epochs"] if "epochs" in rows[0] else []
    cells = [
        [f"{row['score']:.4f}", interval(row), *(str(row[key]) for key in halved)]
        + [text(row["setting"][name]) if name in row["setting"] else "" for name in names]
        for row in rows
    ]
    head = [metric, "95 % interval", *halved, *map(shown, names)]
    widths = [max(len(row[k]) for row in [head, *cells]) for k in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *cells]
    ]


def _as_text(found: Any, files: dict[str, Path]) -> str:
    """Return what is printed for people."""
    test_in_words = import_module("gorae.study.findings").test_in_words
    facts, ranked = found.facts, _ranked(found)
    metric, nested, test = facts["search"]["metric"], facts["search"]["nested"], facts["test"]
    lines = _table(ranked[:_SHOWN], metric)
    lines.append("")
    lines.append(
        f"{facts['search']['settings']} settings x {facts['search']['splits']} splits"
        + (
            ""
            if facts["search"]["ended"] is None
            else f"; ended before its plan ({facts['search']['ended']})"
        )
    )
    if nested is None:
        lines.append("The best of many scores is too good; --nested tells by how much.")
    else:
        lines.append(
            f"The whole search, on rows it has not seen: {nested['score']:.4f} (95 % interval "
            f"{interval(nested)}); the best score is {nested['optimism']:.4f} above."
        )
    if test is not None:
        lines.append(f"{facts['best']} {test_in_words(test)}")
    if facts["simpler"] is not None:
        lines += [facts["simpler"][key] for key in ("sentence", "cost") if key in facts["simpler"]]
    lines += [f"note: {note}" for note in facts["data"]["notes"]]
    lines.append("   ".join(f"{name.removesuffix('_file')}: {path}" for name, path in files.items()))
    return "\n".join(lines)
