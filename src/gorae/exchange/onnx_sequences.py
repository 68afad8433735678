r"""What an ONNX file says of how sequences become its rows, so that who has only the file can make them.

A row is the number of steps that are kept of a sequence, then a code for each of them, then zeros: T + 1
numbers, T the file's "steps". The metadata of the file hold three texts, each JSON:

"tokens"
    the tokens that have a code: `tokens[i]` has the code i + 2. 1 is the code of every other token, 0 that of
    no token. Absent for series.
"sequences"
    "kind" is what a sequence is: "text", "bytes", "tokens" (texts in a list), "ids" (whole numbers in a list)
    or "series" ("channels" numbers a step, which stand in the row step by step, instead of codes).
    "steps" is T. Of a longer sequence those steps are kept that "window" tells: "head" the first T,
    "tail" the last T, "head_tail" the first T - T // 2 and the last T // 2, "spaced" eight runs
    (`gorae.data.packing.kept_places`).
    "tokenizer" cuts a text into tokens (`gorae.data.tokenizers.tokenizer_rule`; "calls" are cut at
    "separator", or where that is null at white space and commas; "bytes" are two hexadecimal digits a byte of
    UTF-8).
    Not null in models that `gorae fit` and `gorae search` wrote: "most_characters", of a text, and
    "longest_token", in characters, are what is read at most; "empty" is the token of a text without any.
"ngrams" (in "sequences")
    Where not null, tokens are whole numbers, rising: those of a text's n-grams of all "lengths". The hash of
    an n-gram is, modulo 2**64, $h_0 = \mathrm{mix}(n)$, $h_{k+1} = \mathrm{mix}(h_k + c_k)$, with $c_k$ the
    CRC-32 of a token's UTF-8 and mix that of Steele, Lea & Flood's SplitMix64: x += 0x9E3779B97F4A7C15;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9; x = (x ^ x >> 27) * 0x94D049BB133111EB; x ^ x >> 31.
    One that comes c times is there as $\mathrm{mix}(h_n + l) \bmod$ "bins" for
    $l = 0 .. \lfloor \log_2 c \rfloor$. Of more than "most" those with the largest
    $\lfloor c / 2^l \rfloor$ are kept, of equal ones those of the smaller l, then of the shorter n-gram, then
    of the smaller hash.
"""

from typing import Any

from gorae.data.tokenizers import tokenizer_rule
from gorae.estimators.sentences import TAGGED_WORDS
from gorae.estimators.tagger import SequenceTagger
from gorae.exchange.answering import Answering

__all__ = ["told_of_sequences", "told_of_words"]

_UNBOUNDED = {"most_characters": None, "longest_token": None, "empty": None, "ngrams": None}


def told_of_sequences(model: Answering) -> dict[str, Any]:
    """Return the metadata of a model's sequences; nothing for a model of other rows.

    Args:
        model: the parts of a fitted model.
    """
    kind = model.reads
    if kind is None:
        return {}
    told = {"kind": kind.kind, "steps": kind.steps, "window": kind.window, "channels": kind.channels}
    tokenizer = kind.tokenizer
    if model.texts is not None:  # it cuts texts itself, and the estimator is given tokens
        told |= {"kind": "text", **model.texts.rules()}
        tokenizer = model.texts.tokenizer
    rule = None if tokenizer is None else tokenizer_rule(tokenizer)
    tokens = None if kind.channels else list(kind.table)
    return {"sequences": {**_UNBOUNDED, **told, "tokenizer": rule}, "tokens": tokens}


def told_of_words(tagger: SequenceTagger) -> dict[str, Any]:
    """Return the metadata of a tagger's words: those that have codes, and what cuts a text into words.

    Args:
        tagger: a fitted one.
    """
    coding = tagger._coding
    return {
        "words": list(coding.words.tokens),
        "characters": list(coding.characters.tokens),
        "letters": coding.letters,
        "tokenizer": tokenizer_rule(TAGGED_WORDS),
    }
