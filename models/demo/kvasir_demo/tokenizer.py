"""A byte-level BPE in which a word is cut in the same places with and without a space before it.

The merges of words come first and know no space; the merges of a space with a word's first piece come last. So
" amber-42" after "is" and "amber-42" in quotes differ in their first token only, and a value is copied token by token
wherever it stands. Digits are tokens of their own. GGUF knows the cutting of texts as "smollm".
"""
from __future__ import annotations

import json
import pydoc_data.topics
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from .chat import SPECIAL, body
from .dialogue import converse
from .documents import prose

PRE_TOKENIZER = "smollm"
WORD_TOKENS = 2100  # bytes and merges of words; their forms with a space come on top
UNUSED = "<|unused-{}|>"
ROUND = 64  # of the vocabulary's size: odd ones make matrix products slow
SPACE = "Ġ"
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|[^\s\p{L}\p{N}]+|\s+"


def _texts(conversations: int) -> Iterator[str]:
    """What is trained on, and as much English about other things, so that free text costs fewer tokens."""
    rng = random.Random(1)
    for _ in range(conversations):
        for turn in converse(rng, 3000).turns:
            yield body(turn)[1]
    for _ in range(4):
        yield from prose()
    yield from pydoc_data.topics.topics.values()


def train(conversations: int = 1500) -> Tokenizer:
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(" ", "removed"), pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.Split(Regex(_WORDS), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    texts = list(_texts(conversations))
    words.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=WORD_TOKENS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
        max_token_length=16))
    model = json.loads(words.to_str())["model"]
    vocabulary = [piece for piece, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in model["merges"]]
    starts = [piece for piece in vocabulary if piece.isascii() and (piece.isalpha() or _follows_space(piece, texts))]
    merges += [(SPACE, piece) for piece in starts]
    pieces = [*SPECIAL, *vocabulary, *(SPACE + piece for piece in starts)]
    pieces += [UNUSED.format(number) for number in range(-len(pieces) % ROUND)]
    return assembled({piece: number for number, piece in enumerate(pieces)}, merges)


def _follows_space(piece: str, texts: list[str]) -> bool:
    if any(letter.isalnum() for letter in piece) or not piece.isprintable():
        return False
    return Counter(text.count(" " + piece) > 0 for text in texts[:4000])[True] > 20


def assembled(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def load(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))
