"""SequenceTagger on two treebanks: accuracy over seeds, and words a second against PyTorch with packing.

Accuracy is that of universal tags on the test files, the model and its settings as they come, trained on the
train files. Speed is that of whole fits of a few epochs, encoding and padding included, the same network,
about as many words a step (8 rows of 64, 32 sentences), in pairs that alternate, with PyTorch on one thread
and on two. The treebanks are not in the repository: give the folder of their folders.
"""

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import machine
import numpy as np

TREEBANKS = {
    "English EWT": ("ud-english-ewt/en_ewt-ud", 0.942),
    "Korean GSD": ("ud-korean-gsd/ko_gsd-ud", 0.93),
}
BATCH_SENTENCES = 32


def read(folder: Path, name: str, *, quick: bool) -> dict[str, Any]:
    """Return the three parts of a treebank; of a smoke test a few sentences."""
    import gorae

    parts = {}
    for part in ("train", "dev", "test"):
        found = gorae.read_conllu(folder / f"{TREEBANKS[name][0]}-{part}.conllu.gz")
        if quick:
            found = first(found, 200)
        parts[part] = found
    return parts


def first(sentences: Any, count: int) -> Any:
    """Return the first sentences of some."""
    import gorae

    columns = (sentences.forms, sentences.universal, sentences.language)
    return gorae.data.Sentences(*(column[:count] for column in columns))


def accuracy(parts: dict[str, Any], seeds: int, **settings: Any) -> dict[str, Any]:
    """Return scores of some seeds on the test file, of its unknown words, and the seconds of a fit."""
    import gorae

    known = {word.lower() for forms in parts["train"].forms for word in forms}
    test, scores, unknown, seconds = parts["test"], [], [], []
    for seed in range(seeds):
        model = gorae.SequenceTagger(random_state=seed, **settings)
        seconds.append(machine.timed(lambda model=model: model.fit(parts["train"]))[0])
        tags = model.predict(test)
        rows = zip(test.forms, tags, test.universal, strict=True)
        pairs = [(word, tag == true) for row in rows for word, tag, true in zip(*row, strict=True)]
        scores.append(float(np.mean([right for _, right in pairs])))
        unknown.append(float(np.mean([right for word, right in pairs if word.lower() not in known])))
    return {
        "accuracy": machine.spread(scores),
        "mean": float(np.mean(scores)),
        "unknown_words": machine.spread(unknown),
        "fit_seconds": machine.spread(seconds),
        "settings": settings,
    }


def peer_data(parts: dict[str, Any]) -> tuple[Any, list, list, list, list]:
    """Return the coding of words, and train and test sentences and tags as PyTorch's tensors."""
    import torch

    from gorae.data.sentence_rows import fit_word_codes

    coding = fit_word_codes(parts["train"].forms, min_count=2)
    codes = {
        tag: code for code, tag in enumerate(sorted({t for row in parts["train"].universal for t in row}))
    }
    made = []
    for part in ("train", "test"):
        forms = sorted({word for row in parts[part].forms for word in row})
        table = torch.as_tensor(coding.table(forms), dtype=torch.long)
        place = {word: row for row, word in enumerate(forms)}
        made.append([table[[place[word] for word in row]] for row in parts[part].forms])
        made.append([torch.tensor([codes.get(tag, 0) for tag in row]) for row in parts[part].universal])
    return coding, *made


def speed(parts: dict[str, Any], pairs: int, epochs: int, threads: int) -> list[dict[str, Any]]:
    """Return rows of the table: fits of one member and of two, and tagging, against PyTorch."""
    import torch
    import torch_tagger

    import gorae

    torch.set_num_threads(threads)
    words, tested = parts["train"].words, parts["test"].words
    times: dict[str, list[float]] = {name: [] for name in ("peer", "one", "two", "peer asked", "asked")}
    for turn in range(pairs + 1):  # the first is not counted: it compiles
        coding = None

        def train_peer() -> Any:
            nonlocal coding
            coding, *data = peer_data(parts)
            tags = len({t for row in parts["train"].universal for t in row})
            model = torch_tagger.Tagger(len(coding.words), len(coding.characters), tags)
            torch_tagger.train(model, data[0], data[1], epochs=epochs, batch=BATCH_SENTENCES, rate=5e-3)
            return model, data

        seconds, (peer, data) = machine.timed(train_peer)
        own = gorae.SequenceTagger(epochs=epochs, random_state=0)
        one, _ = machine.timed(lambda own=own: own.fit(parts["train"]))
        two, _ = machine.timed(
            lambda: gorae.SequenceTagger(epochs=epochs, members=2, random_state=0).fit(parts["train"])
        )
        peer_asked, _ = machine.timed(lambda peer=peer, data=data: torch_tagger.accuracy(peer, *data[2:]))
        asked, _ = machine.timed(lambda own=own: own.score(parts["test"]))
        if turn:
            for name, value in zip(times, (seconds, one, two, peer_asked, asked), strict=True):
                times[name].append(value)
    peer_name = f"PyTorch, packed, {threads} thread{'s' * (threads > 1)}"
    jobs = [
        ("fit of one tagger", times["peer"], times["one"], 1.0, words * epochs),
        ("fits of two taggers", [2 * t for t in times["peer"]], times["two"], 1.0, 2 * words * epochs),
        ("tagging", times["peer asked"], times["asked"], 1.0, tested),
    ]
    return [
        machine.compared(
            f"{job}, English EWT{f', {epochs} epochs' if 'fit' in job else ''}",
            peer_name,
            peers,
            owns,
            wanted,
            words_a_second=round(count / float(np.median(owns))),
            peer_words_a_second=round(count / float(np.median(peers))),
        )
        for job, peers, owns, wanted, count in jobs
    ]


def given() -> argparse.Namespace:
    """Return the command line."""
    parser = machine.pairs_parser(__doc__ or "", pairs=3)
    parser.add_argument("folder", type=Path, help="holds ud-english-ewt and ud-korean-gsd")
    parser.add_argument("--seeds", type=int, default=3, help="whose accuracy is told; alone: --pairs 0")
    parser.add_argument("--sentences", type=int, default=5000, help="of the fits that are timed")
    parser.add_argument("--epochs", type=int, default=2, help="of the fits that are timed")
    return machine.pairs_given(parser)


def main() -> None:
    """Write accuracies and ratios."""
    warnings.simplefilter("ignore")
    asked = given()
    kept = machine.RESULTS / "tagger.json"
    rows = json.loads(kept.read_text())["rows"] if not asked.pairs and kept.exists() else []
    content: dict[str, Any] = {"rows": rows, "accuracy": {}}
    for name, (_, wanted) in TREEBANKS.items():
        parts = read(asked.folder, name, quick=asked.quick)
        if name == "English EWT" and asked.pairs:
            timed = {**parts, "train": first(parts["train"], asked.sentences)}
            for threads in (1, 2):
                content["rows"] += speed(timed, asked.pairs, asked.epochs, threads)
            for row in content["rows"]:
                machine.show(row, row["peer"], row["words_a_second"], row["peer_words_a_second"])
        if asked.seeds:
            for decoder in ("softmax", "crf"):
                seeds = 1 if asked.quick or decoder == "crf" else asked.seeds
                found = accuracy(parts, seeds, decoder=decoder, **({"epochs": 2} if asked.quick else {}))
                content["accuracy"][f"{name}, {decoder}"] = {"wanted": wanted, **found}
                print(
                    name, decoder, found["accuracy"], found["unknown_words"], found["fit_seconds"], flush=True
                )
    machine.record("tagger", content, asked, packages=("torch",))


if __name__ == "__main__":
    main()
