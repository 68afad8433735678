"""Taggers on the command line: `fit` with a treebank, `predict` and `info` with what it made."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import click

from gorae.cli.interrupts import INTERRUPTED, held_interrupts
from gorae.cli.options import print_json, quietly, shown, to_json
from gorae.cli.outputs import check_folder, refuse_existing, stem_of
from gorae.errors import DataError

_ENDINGS = (".conllu", ".conllu.gz", ".conllu.xz")
_SETS = {None: "universal", "upos": "universal", "xpos": "language"}
_UNIVERSAL, _LANGUAGE = 3, 4


def is_treebank(path: str, *, otherwise: str | None = None) -> bool:
    """Return whether a file is a treebank (CoNLL-U, plain or packed): by its name, or by its content.

    Args:
        path: the file.
        otherwise: what to do with a file that begins like a treebank but is none, which then is refused;
            None to take it for none.

    Raises:
        DataError: when it is refused.
    """
    if path.lower().endswith(_ENDINGS):
        return True
    found = import_module("gorae.data").contents_of(path)
    if otherwise is not None and found.kind == "unclear":
        raise DataError(
            f"{path!r} may be a treebank or not: {found.why}. If it is one, mend it, or name it .conllu to "
            f"be told each fault; else {otherwise}."
        )
    return found.kind == "treebank"


def refuse_treebank(path: str, why: str) -> None:
    """Refuse a treebank where something else is wanted.

    Raises:
        DataError: when the file is one.
    """
    if is_treebank(path):
        raise DataError(f"{path!r} is a treebank (CoNLL-U): {why}.")


def wants_tags(target: str | None) -> bool:
    """Return whether a target could be one of a treebank: its tags, or none that was said."""
    return target in _SETS


def is_tagger(model: Any) -> bool:
    """Return whether a model tags words."""
    return bool(getattr(model, "_answers_tags", False))


class Run(NamedTuple):
    """How a command that trains runs: seconds, seed, device, the folder it writes to, and what it says."""

    budget: float
    seed: int
    device: str
    out: str
    as_json: bool
    quiet: bool
    force: bool


def fit_treebank(
    data: str, run: Run, *, target: str | None, test: str | None, refused: Mapping[str, Any]
) -> int:
    """Train a tagger on a treebank, and say how often it is right; return the exit code.

    Args:
        data: the file.
        run: how.
        target: "upos" or "xpos"; None for upos.
        test: a file with sentences to score it on, or None.
        refused: options that are for tables, with what was given.
    """
    given = [name for name, value in refused.items() if value]
    if given:
        raise click.UsageError(f"{', '.join(given)}: not for a treebank, whose words are tagged.")
    if target not in _SETS:
        raise click.UsageError(f"--target of a treebank is upos or xpos, one of its tags, got {target!r}.")
    model_file = Path(run.out) / f"{stem_of(data)}.gorae"
    refuse_existing([model_file], run.force)
    parts, treebank = import_module("gorae.data"), import_module("gorae.study.treebank")
    with quietly(run.quiet):
        sentences = parts.read_conllu(data)
        held = None if test is None else parts.read_conllu(test)
        check_folder(Path(run.out))
        made = treebank.train_on_treebank(
            sentences,
            held,
            name=Path(data).name,
            tags=_SETS[target],
            seconds=run.budget,
            device=None if run.device == "auto" else run.device,
            random_state=run.seed,
            verbose=0 if run.quiet else 1,
        )
    with held_interrupts():
        made.save(model_file, force=run.force)
        if run.as_json:
            found = {**made.facts, "interrupted": made.interrupted, "model_file": str(model_file)}
            print_json("gorae.fit-tagger/1", found)
        else:
            click.echo("\n".join([*_table(made.facts), f"model: {model_file}"]))
    return INTERRUPTED if made.interrupted else 0


def _table(facts: Mapping[str, Any]) -> list[str]:
    """Return how often the tagger is right, beside the most frequent tag of each word, as lines."""
    test, ahead = facts["test"], facts["ahead"]
    lines = [f"{'words':>8}  {'number':>8}  {'right':>6}  {'95 % interval':>17}  most frequent tag"]
    for name in ("all", "known", "unknown"):
        own = test[name]
        between = "-" if own["low"] is None else f"{own['low']:.4f} to {own['high']:.4f}"
        score, base = (
            "-" if own[key] is None else f"{own[key]:.4f}"  # no word of that kind
            for key in ("score", "baseline")
        )
        lines.append(f"{name:>8}  {own['words']:>8,}  {score:>6}  {between:>17}  {base:>17}")
    lines += ["", *told_facts(facts)]
    if ahead is not None:
        what = "right more often" if ahead["difference"] >= 0 else "right less often"
        ends = sorted((abs(ahead["low"]), abs(ahead["high"])))
        if ahead["low"] <= 0 <= ahead["high"]:
            told = "it is not shown to be right more often than each word's most frequent tag is"
            lines.append(f"{told} ({ahead['low']:+.4f} to {ahead['high']:+.4f})")
        else:
            by = f"by {abs(ahead['difference']):.4f} ({ends[0]:.4f} to {ends[1]:.4f})"
            lines.append(
                f"it is {what} than each word's most frequent tag (the commonest, of new words) {by}"
            )
    return lines


def told_facts(facts: Mapping[str, Any]) -> list[str]:
    """Return what a tagger learned from and was scored on, as lines; nothing of facts that are others."""
    data, test = facts.get("data"), facts.get("test")
    if not isinstance(data, dict) or not isinstance(test, dict) or "sentences" not in data:
        return []
    kind = "universal tags" if data.get("set") == "universal" else "tags of the language's own"
    tags = data.get("tags")
    count = len(tags) if isinstance(tags, list) else "?"
    lines = [
        f"learned {count} {kind} from {data.get('sentences')} sentences ({data.get('words')} words) of "
        f"{data.get('name')}; made {facts.get('created')} by gorae {facts.get('version')}"
    ]
    whole = test.get("all")
    if isinstance(whole, dict) and isinstance(whole.get("score"), float):
        ends = [whole.get(end) for end in ("low", "high")]
        between = f" ({ends[0]:.4f} to {ends[1]:.4f})" if all(isinstance(e, float) for e in ends) else ""
        lines.append(
            f"right on {whole['score']:.4f}{between} of {test.get('words')} words in {test.get('sentences')} "
            f"sentences, held apart"
        )
    return [shown(line) for line in lines]


def predict_tags(model: str, tagger: Any, data: str, out: str | None, *, encoding: str, as_json: bool) -> str:
    """Return the tags of a file's words as text.

    Args:
        model: the tagger's file, which tells of which kind its tags are.
        tagger: fitted.
        data: CoNLL-U, or a text with a sentence a line.
        out: where it goes; its ending decides the form: .csv, .conllu, or else a word and its tag a line.
        encoding: of a text.
        as_json: whether one object is wanted instead.
    """
    forms = _forms(data, encoding)
    shares = tagger.predict_proba(forms) if out is not None and out.lower().endswith(".csv") else None
    tags = tagger.predict(forms)
    if as_json:
        found = [{"words": list(words), "tags": own} for words, own in zip(forms, tags, strict=True)]
        return to_json("gorae.tags/1", {"sentences": found}) + "\n"
    if shares is not None:
        return _as_csv(forms, tags, shares, tagger.classes_.tolist())
    if out is not None and out.lower().endswith(".conllu"):
        facts = import_module("gorae.files").read_meta(model).meta.get("facts")
        known = facts.get("data") if isinstance(facts, dict) else None
        column = _LANGUAGE if isinstance(known, dict) and known.get("set") == "language" else _UNIVERSAL
        return _as_conllu(data, forms, tags, column)
    lines = (
        "".join(f"{word}\t{tag}\n" for word, tag in zip(*both, strict=True))
        for both in zip(forms, tags, strict=True)
    )
    return "\n".join(lines)


def _forms(data: str, encoding: str) -> Sequence[Sequence[str]]:
    """Return the words of each sentence of a file."""
    if is_treebank(data, otherwise="give a text with a sentence a line"):
        return import_module("gorae.data").read_conllu(data).forms
    found = import_module("gorae.data").contents_of(data)
    if found.kind == "table":
        raise DataError(
            f"{data!r} is a table ({found.why}), but a tagger reads a treebank (CoNLL-U) or a text with a "
            "sentence a line; put its sentences into a file of their own, one a line, that ends in .txt."
        )
    text = _text(data, encoding)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{data!r} has no line with words; a sentence a line was wanted.")
    return import_module("gorae.estimators.sentences").given_sentences(lines)


def _text(data: str, encoding: str) -> str:
    """Return a file's text."""
    content = import_module("gorae.data.unpack").read_bounded(data)
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{data!r} is not {encoding} text: line {line:,} has the byte 0x{content[error.start]:02x}; give "
            "--encoding."
        ) from None
    except LookupError:
        raise click.UsageError(f"--encoding {encoding!r} is none that is known; utf-8, say.") from None


def _as_csv(
    forms: Sequence[Sequence[str]], tags: Sequence[Sequence[Any]], shares: Sequence[Any], known: Sequence[Any]
) -> str:
    """Return a line a word: sentence and place from 1, word, tag, and the tag's probability."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["sentence", "place", "word", "tag", "probability"])
    column = {tag: place for place, tag in enumerate(known)}
    for number, (words, own, sure) in enumerate(zip(forms, tags, shares, strict=True), start=1):
        for place, (word, tag, share) in enumerate(zip(words, own, sure, strict=True), start=1):
            writer.writerow([number, place, word, tag, f"{float(share[column[tag]]):.6g}"])
    return text.getvalue()


def _as_conllu(data: str, forms: Sequence[Sequence[str]], tags: Sequence[Sequence[Any]], column: int) -> str:
    """Return CoNLL-U with the tags in one column: the file's own lines, or new ones of a text."""
    if is_treebank(data):
        flat = (str(tag) for own in tags for tag in own)
        return "\n".join(_retagged(_text(data, "utf-8"), flat, column))
    lines = []
    for words, own in zip(forms, tags, strict=True):
        for place, (word, tag) in enumerate(zip(words, own, strict=True), start=1):
            cells = [str(place), word, *["_"] * 8]
            cells[column] = str(tag)
            lines.append("\t".join(cells))
        lines.append("")
    return "\n".join(lines) + "\n"


def _retagged(text: str, tags: Iterator[str], column: int) -> Iterator[str]:
    """Yield lines of CoNLL-U with other tags; ranges and words that are not written stay as they are."""
    for line in text.split("\n"):
        cells = line.split("\t")
        if cells[0].isdecimal():
            cells[column] = next(tags)
        yield "\t".join(cells)
