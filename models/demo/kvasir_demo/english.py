"""Any English words, and words that look like English but are nobody's: what stands around a fact, and what can be copied."""
from __future__ import annotations

import pydoc_data.topics
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate, chain

_NO_NOISE = frozenset("is are was were true false right wrong correct check confirm verify yes no not who whom whose where source".split())
_DETERMINERS = ("my", "your", "our", "the", "a", "his", "this")
_COMMON = """about above after again all almost along already also always among and another any anybody anything around ask asked away
back bad be because been before began begin behind being believe below best better between big both bring brought build but buy by call came can
care carry change child close cold colleague come could country day deep did different do does done door down draw drive during each early earth
easy eat end enough even ever every everybody everyone exact exactly example eye face fact fall family far fast father feel few field fill final
find fine first follow food foot for form found four free friend from front full gave get girl give glad go gold good got great group grow had
half hand happen hard has have he head hear heard help her here high him his hold home hope hot hour house how however hurry I idea if important
in interest into it its job just keep kept kind knew know large last late later laugh lead learn least leave left less let letter life light like
line list listen little live long look lose lot love low made main make man many matter may maybe me mean meet memory men might mind mine minute
miss moment money month moon more morning most mother mouth move much must my myself name near need never new next night nobody nor nothing
notice now number of off offer often oh old on once one only open or order other our out over own page paper part pass past people perhaps person
picture place plan play please point possible press pretty problem pull put question quick quiet quite rather reach read ready real really reason
remember rest run safe said same sat saw say school sea second see seem seen sense sent several shall share she short should show side simple
since sing sit sleep small so some somebody someone something soon sort sound speak stand start state stay step still stop store story strange
street strong study such sudden suppose sure surprise table take talk teach team tell test than thank that the their them then there these they
thing think this those though thought three through time to today together told tomorrow tonight too took top toward town travel try turn two
under understand until up upon us use usual very voice wait walk want warm watch water way we week well went were what when where whether which
while white who whole why will wind wish with without woman wonder word work world worry would write year yes yesterday yet you young your"""
STARTS = (frozenset(_COMMON.split()) | _NO_NOISE | {"what's", "don't", "please:", "actually,", "no,"}) - {"I"}


@cache
def _held_out() -> frozenset[str]:
    """Words that only the evaluation uses as values and names, and so no noise either."""
    from .words import HeldOut
    texts = (getattr(HeldOut, name) for name in vars(HeldOut) if name.isupper() and not name.startswith("SYLLABLE"))
    entries = (entry.strip().lower() for text in texts for entry in (text.split("|") if "|" in text else text.split()))
    return frozenset(entry for entry in entries if " " not in entry)


@cache
def english() -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Words of English texts, the frequent ones more often, but not as often as they are."""
    from .documents import prose
    counts = Counter(re.findall(r"(?<![\w'])[a-z]{1,11}(?![\w'])", " ".join(chain(prose(), pydoc_data.topics.topics.values()))))
    left_out = _NO_NOISE | _held_out()
    words = [word for word, count in counts.items() if count >= 4 and word not in left_out]
    common = [word for word in _COMMON.split() if word not in _NO_NOISE]
    return (*words, *common), (*(counts[word] ** 0.5 for word in words), *(12.0 for _ in common))


@cache
def _pool() -> tuple[tuple[str, ...], tuple[float, ...]]:
    words, weights = english()
    kept = [(word, weight) for word, weight in zip(words, weights, strict=True) if len(word) > 2]
    return tuple(word for word, _ in kept), tuple(accumulate(weight ** 0.5 for _, weight in kept))


_pieces: list[str] = []


def use_pieces(vocabulary: Iterable[str]) -> None:
    """The tokenizer's pieces of words: a network copies only what it has seen copied."""
    left_out = _held_out()
    _pieces[:] = [piece for piece in vocabulary if len(piece) > 1 and piece.isascii() and piece.isalpha() and piece.islower() and piece not in left_out]


def _of_pieces(rng: random.Random) -> str:
    return "".join(pick_of(rng, _pieces) for _ in range(1 + int(rng.random() * 3)))


def pick_of(rng: random.Random, words: Sequence[str]) -> str:
    return words[int(rng.random() * len(words))]


def _fragment(rng: random.Random, word: str) -> str:
    first = int(rng.random() * max(1, len(word) - 1))
    return word[first:first + 2 + int(rng.random() * 4)]


def noise(rng: random.Random, low: int, high: int) -> str:
    """Words that say nothing; "my memory" and "the list" among them are nobody's name."""
    words, weights = english()
    drawn = rng.choices(words, weights, k=rng.randint(low, high))
    if rng.random() < 0.3:
        at = int(rng.random() * len(drawn))
        drawn[at] = f"{rng.choice(_DETERMINERS)} {drawn[at]}"
    return " ".join(drawn)


def any_word(rng: random.Random) -> str:
    """An English word, or the beginning of one with the end of another: whoever can copy these copies any word."""
    if _pieces and rng.random() < 0.2:
        while (word := _of_pieces(rng)) in _held_out():
            pass
        return word
    words, sums = _pool()
    word = rng.choices(words, cum_weights=sums)[0]
    drawn = rng.random()
    if drawn < 0.45:
        return word
    other = rng.choices(words, cum_weights=sums)[0]
    if drawn < 0.55:
        return word + other
    if drawn < 0.70:
        return "".join(_fragment(rng, part) for part in (word, other, pick_of(rng, words))[:2 + int(rng.random() * 2)])
    start = word[:2 + int(rng.random() * (len(word) - 1))]
    end = other[int(rng.random() * (len(other) - 1)):]
    return (start + end)[:14]
