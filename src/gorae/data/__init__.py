"""From what a user has to what a population trains on: tables, arrays, targets, folds, named sets.

Tables come in with :func:`read_table` and :func:`as_frame`; :func:`learn_encoding` decides what their
columns are, and the encoding turns any such table into a matrix. Arrays of numbers and pictures come
in with :func:`as_matrix`. What a fold may know of either is fitted on its own training rows, by
:func:`fit_affine`. Targets become codes with :func:`encode_labels`, and :func:`make_folds`,
:func:`cut_stop_rows` and :func:`pack_splits` say which rows each member learns from, stops on and is
scored on. :func:`load_named` has data sets to try it on.
"""

from gorae.data.arrays import Matrix, as_matrix
from gorae.data.encoding import TableEncoding, learn_encoding
from gorae.data.folds import PackedSplits, Split, cut_stop_rows, make_folds, pack_splits, size_class
from gorae.data.idx import read_idx
from gorae.data.named import NAMES, Named, load_named
from gorae.data.scaling import Affine, fit_affine, fit_affines
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

__all__ = [
    "NAMES",
    "Affine",
    "Matrix",
    "Named",
    "PackedSplits",
    "Split",
    "TableEncoding",
    "as_frame",
    "as_matrix",
    "check_classes",
    "check_one_kind",
    "class_weights",
    "cut_stop_rows",
    "describe_values",
    "encode_known_labels",
    "encode_labels",
    "fit_affine",
    "fit_affines",
    "guess_task",
    "learn_encoding",
    "load_named",
    "make_folds",
    "near_label",
    "pack_splits",
    "read_idx",
    "read_table",
    "require_columns",
    "size_class",
]
