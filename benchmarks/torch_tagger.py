"""The tagger as a user of PyTorch writes it, with packed sequences: the peer of benchmarks/tagger.py."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence


class Tagger(torch.nn.Module):
    """Word vectors, a convolution over characters with its maximum, a bidirectional LSTM, scores of tags.

    Args:
        words: codes of words.
        characters: codes of characters.
        tags: how many there are.
        sizes: of the word vectors, character vectors, filters and hidden state.
        dropout: probability of silence.
        word_dropout: probability that a word is taken for an unknown one.
    """

    def __init__(
        self,
        words: int,
        characters: int,
        tags: int,
        sizes: tuple[int, int, int, int] = (64, 24, 128, 128),
        dropout: float = 0.4,
        word_dropout: float = 0.1,
    ):
        super().__init__()
        word_width, character_width, filters, hidden = sizes
        self.word = torch.nn.Embedding(words, word_width)
        self.character = torch.nn.Embedding(characters, character_width, padding_idx=0)
        self.spelling = torch.nn.Conv1d(character_width, filters, 3, padding=1)
        self.lstm = torch.nn.LSTM(word_width + filters, hidden, batch_first=True, bidirectional=True)
        self.head = torch.nn.Linear(2 * hidden, tags)
        self.dropout = torch.nn.Dropout(dropout)
        self.word_dropout = word_dropout

    def forward(self, codes: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the scores of padded sentences `(batch, longest, 1 + letters)`."""
        words, letters = codes[..., 0], codes[..., 1:]
        if self.training:
            missed = torch.rand(words.shape) < self.word_dropout
            words = torch.where(missed & (words > 0), 1, words)
        real = words > 0  # padding is not spelled
        spelled = self.spelling(self.character(letters[real]).transpose(1, 2)).amax(dim=2).relu()
        features = spelled.new_zeros(*words.shape, spelled.shape[-1])
        features[real] = spelled
        seen = self.dropout(torch.cat([self.word(words), features], dim=-1))
        packed = pack_padded_sequence(seen, lengths, batch_first=True, enforce_sorted=False)
        hidden, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=words.shape[1])
        return self.head(self.dropout(hidden))


def batches(
    sentences: list[torch.Tensor], tags: list[torch.Tensor] | None, size: int, order: np.ndarray
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]]:
    """Yield padded sentences, their lengths, and their tags with -1 for padding."""
    for start in range(0, len(order), size):
        own = order[start : start + size]
        codes = pad_sequence([sentences[i] for i in own], batch_first=True)
        lengths = torch.tensor([len(sentences[i]) for i in own])
        wanted = tags and pad_sequence([tags[i] for i in own], batch_first=True, padding_value=-1)
        yield codes, lengths, wanted


def train(model: Tagger, sentences: list, tags: list, *, epochs: int, batch: int, rate: float) -> None:
    """Train with Adam for some epochs in a new order each."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    rng = np.random.default_rng(0)
    model.train()
    for _ in range(epochs):
        for codes, lengths, wanted in batches(sentences, tags, batch, rng.permutation(len(sentences))):
            scores = model(codes, lengths)
            loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), wanted.flatten(), ignore_index=-1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def accuracy(model: Tagger, sentences: list, tags: list, *, batch: int = 64) -> float:
    """Return the share of right tags; sentences of similar length are asked together."""
    model.eval()
    right = total = 0
    with torch.inference_mode():
        order = np.argsort([len(one) for one in sentences], kind="stable")
        for codes, lengths, wanted in batches(sentences, tags, batch, order):
            real = wanted >= 0
            right += int((model(codes, lengths).argmax(-1) == wanted)[real].sum())
            total += int(real.sum())
    return right / total
