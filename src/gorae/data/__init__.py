"""From what a user has to what a population trains on: tables, arrays, targets, folds, named sets.

Tables come in with :func:`read_table` and :func:`as_frame`; :func:`learn_encoding` decides what their
columns are, and the encoding turns any such table into a matrix. Arrays of numbers and pictures come
in with :func:`as_matrix`. What a fold may know of either is fitted on its own training rows, by
:func:`fit_affine`. Targets become codes with :func:`encode_labels`, and :func:`make_folds`,
:func:`cut_stop_rows` and :func:`pack_splits` say which rows each member learns from, stops on and is
scored on. :func:`load_named` has data sets to try it on.

Texts and traces are cut by a tokenizer (:class:`Words`, :class:`Characters`, :class:`Bytes`,
:class:`Calls`), become codes by a :class:`Vocabulary` that :func:`fit_vocabulary` learns from training
rows, and are put into one matrix by :func:`pack_sequences`. What is larger than memory goes from
:func:`text_lines` through :func:`write_tokens` into a memory-mapped :class:`TokenFile`;
:func:`hashed_ngrams` makes a row of fixed width of a sequence of any length. :func:`learn_texts` makes what
models read of a column of texts, which :func:`looks_like_texts` tells by its content. Tagged sentences come
in with :func:`read_conllu`, vectors of words that were learned elsewhere with :func:`read_vectors`.
"""

from gorae.data.arrays import Matrix, as_matrix
from gorae.data.conllu import Sentences, read_conllu
from gorae.data.contents import Contents, contents_of
from gorae.data.datasets import is_dataset, read_dataset
from gorae.data.encoding import TableEncoding, learn_encoding
from gorae.data.folds import PackedSplits, Split, cut_stop_rows, make_folds, pack_splits, size_class
from gorae.data.idx import read_idx
from gorae.data.images import Images, as_images, holds_images, load_images
from gorae.data.named import NAMES, Named, load_named
from gorae.data.ngrams import hash_tokens, hashed_ngrams
from gorae.data.packing import WINDOWS, Packed, kept_places, pack_sequences
from gorae.data.scaling import Affine, fit_affine, fit_affine_of_blocks, fit_affines
from gorae.data.streams import Stream, Waiting, as_stream, block_bounds, in_blocks
from gorae.data.table import as_frame, read_table, require_columns
from gorae.data.targets import (
    check_classes,
    check_one_kind,
    class_weights,
    describe_values,
    encode_known_labels,
    encode_labels,
    guess_task,
    near_label,
)
from gorae.data.text_detection import looks_like_texts
from gorae.data.text_folder import TEXT_COLUMN, holds_texts, lacking_in_folder, read_text_folder
from gorae.data.texts import TextEncoding, TextForms, learn_texts
from gorae.data.token_file import TokenFile, open_tokens, write_tokens
from gorae.data.token_lines import text_lines
from gorae.data.tokenizers import (
    TOKENIZERS,
    Bytes,
    Calls,
    Characters,
    Tokenizer,
    Words,
    as_tokenizer,
    tokenizer_from_meta,
    tokenizer_to_meta,
)
from gorae.data.vectors import Vectors, read_vectors
from gorae.data.vocabulary import (
    MAX_TOKENS,
    PADDING,
    UNKNOWN,
    Vocabulary,
    byte_vocabulary,
    check_codes,
    fit_vocabulary,
)

__all__ = [
    "MAX_TOKENS",
    "NAMES",
    "PADDING",
    "TEXT_COLUMN",
    "TOKENIZERS",
    "UNKNOWN",
    "WINDOWS",
    "Affine",
    "Bytes",
    "Calls",
    "Characters",
    "Contents",
    "Images",
    "Matrix",
    "Named",
    "Packed",
    "PackedSplits",
    "Sentences",
    "Split",
    "Stream",
    "TableEncoding",
    "TextEncoding",
    "TextForms",
    "TokenFile",
    "Tokenizer",
    "Vectors",
    "Vocabulary",
    "Waiting",
    "Words",
    "as_frame",
    "as_images",
    "as_matrix",
    "as_stream",
    "as_tokenizer",
    "block_bounds",
    "byte_vocabulary",
    "check_classes",
    "check_codes",
    "check_one_kind",
    "class_weights",
    "contents_of",
    "cut_stop_rows",
    "describe_values",
    "encode_known_labels",
    "encode_labels",
    "fit_affine",
    "fit_affine_of_blocks",
    "fit_affines",
    "fit_vocabulary",
    "guess_task",
    "hash_tokens",
    "hashed_ngrams",
    "holds_images",
    "holds_texts",
    "in_blocks",
    "is_dataset",
    "kept_places",
    "lacking_in_folder",
    "learn_encoding",
    "learn_texts",
    "load_images",
    "load_named",
    "looks_like_texts",
    "make_folds",
    "near_label",
    "open_tokens",
    "pack_sequences",
    "pack_splits",
    "read_conllu",
    "read_dataset",
    "read_idx",
    "read_table",
    "read_text_folder",
    "read_vectors",
    "require_columns",
    "size_class",
    "text_lines",
    "tokenizer_from_meta",
    "tokenizer_to_meta",
    "write_tokens",
]
