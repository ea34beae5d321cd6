"""Draws names, things and values at random. Two lexicons exist: what is trained on, and what is held out."""
from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from . import words
from .english import any_word

T = TypeVar("T")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
HEX = "0123456789abcdef"
VOWELS, CONSONANTS = "aeiouy", "bcdfghjklmnpqrstvwxz"


def pick(rng: random.Random, seq: Sequence[T]) -> T:
    """Several times faster than random.choice, and the generator does little else."""
    return seq[int(rng.random() * len(seq))]


def below(rng: random.Random, n: int) -> int:
    return int(rng.random() * n)


def between(rng: random.Random, low: int, high: int) -> int:
    return low + int(rng.random() * (high - low + 1))


def split(text: str) -> list[str]:
    separator = "|" if "|" in text else None
    return [part.strip() for part in text.replace("\n", " ").split(separator)]


class Lexicon:
    def __init__(self, source: object) -> None:
        def of(name: str) -> list[str]:
            return split(getattr(source, name, getattr(words, name)))

        self.first_names, self.last_names = of("FIRST_NAMES"), of("LAST_NAMES")
        self.syllables = of("SYLLABLES")
        self.ends = ["" if end == "-" else end for end in of("SYLLABLE_ENDS")]
        self.attributes, self.things, self.roles = of("ATTRIBUTES"), of("THINGS"), of("ROLES")
        self.thing_adjectives, self.thing_nouns = of("THING_ADJECTIVES"), of("THING_NOUNS")
        self.words, self.places, self.topics = of("WORDS"), of("PLACES"), of("TOPICS")
        self.is_trained = source is words
        self.months, self.days = split(words.MONTHS), split(words.DAYS)
        self._kinds: list[Callable[[random.Random], str]] = []
        for kind, share in self._value_kinds():
            self._kinds += [kind] * share

    # Names of people, places and things

    def invented(self, rng: random.Random) -> str:
        drawn = rng.random()
        if drawn < 0.3:
            return self.strange(rng)
        if self.is_trained and drawn < 0.4:
            return any_word(rng).capitalize()
        text = "".join(pick(rng, self.syllables) for _ in range(between(rng, 2, 3)))
        return (text + pick(rng, self.ends)).capitalize()

    def strange(self, rng: random.Random) -> str:
        """Letters that are nobody's word: who can copy these can copy any name."""
        letters = []
        for _ in range(between(rng, 3, 8)):
            after_vowel = bool(letters) and letters[-1] in VOWELS
            letters.append(pick(rng, CONSONANTS if (rng.random() < 0.75) == after_vowel else VOWELS))
        return "".join(letters).capitalize()

    def first_name(self, rng: random.Random) -> str:
        return pick(rng, self.first_names) if rng.random() < 0.65 else self.invented(rng)

    def full_name(self, rng: random.Random) -> str:
        last = pick(rng, self.last_names) if rng.random() < 0.6 else self.invented(rng)
        return f"{self.first_name(rng)} {last}"

    def word(self, rng: random.Random) -> str:
        if self.is_trained and rng.random() < 0.2:
            return any_word(rng)
        return pick(rng, self.words) if rng.random() < 0.8 else self.invented(rng).lower()

    def place(self, rng: random.Random) -> str:
        return pick(rng, self.places) if rng.random() < 0.6 else self.invented(rng)

    def attribute(self, rng: random.Random) -> str:
        if self.is_trained and rng.random() < 0.4:
            return self.any_attribute(rng)
        drawn = rng.random()
        if drawn < 0.82:
            return pick(rng, self.attributes)
        if drawn < 0.92:
            return f"{pick(rng, self.words)} {pick(rng, self.attributes)}"
        return f"{pick(rng, ('new', 'backup', 'second', 'spare', 'secret', 'main', 'old'))} {pick(rng, self.attributes)}"

    def any_attribute(self, rng: random.Random) -> str:
        """Of words that were never an attribute before."""
        drawn = rng.random()
        last = pick(rng, self.attributes).split(" ")[-1] if rng.random() < 0.3 else any_word(rng)
        if drawn < 0.35:
            return last
        if drawn < 0.90:
            return f"{any_word(rng)}{'-' if drawn > 0.85 else ' '}{last}"
        return f"{any_word(rng)} {any_word(rng)} {last}"

    def thing(self, rng: random.Random) -> str:
        """What stands after "of": with its article, or without one if it has a name."""
        if self.is_trained and rng.random() < 0.25:
            noun = any_word(rng) if rng.random() < 0.6 else pick(rng, self.thing_nouns)
            return f"the {any_word(rng)} {noun}" if rng.random() < 0.6 else f"the {noun}"
        drawn = rng.random()
        if drawn < 0.42:
            return "the " + pick(rng, self.things)
        if drawn < 0.62:
            return f"the {pick(rng, self.thing_adjectives)} {pick(rng, self.thing_nouns)}"
        if drawn < 0.72:
            return f"the {self.word(rng)} {pick(rng, self.thing_nouns)}"
        if drawn < 0.80:
            return f"the {self.invented(rng)} {pick(rng, self.thing_nouns)}"
        if drawn < 0.86:
            return f"{pick(rng, ('project', 'operation', 'team', 'station', 'agent', 'ship'))} {self.invented(rng)}"
        if drawn < 0.92:
            return f"{pick(rng, ('room', 'building', 'server', 'line', 'unit', 'ticket', 'table'))} {between(rng, 1, 400)}"
        return self.invented(rng)

    # Values

    def value(self, rng: random.Random) -> str:
        return pick(rng, self._kinds)(rng)

    def _value_kinds(self) -> list[tuple[Callable[[random.Random], str], int]]:
        return [(self.word, 16), (self.two_words, 16), (self.invented, 9), (self.first_name, 5), (self.full_name, 4),
                (self.number, 9), (self.code, 12), (self.date, 5), (self.moment, 4), (self.money, 4),
                (self.version, 2), (self.address, 2), (self.several_words, 3), (self.listing, 2), (self.measure, 3),
                (self.email, 1), (self.path, 1), (self.hexadecimal, 1), (self.place, 2), (self.mixed, 2)]

    def number(self, rng: random.Random) -> str:
        digits = between(rng, 1, 6)
        return str(between(rng, 10 ** (digits - 1), 10 ** digits - 1))

    def letters(self, rng: random.Random, low: int, high: int) -> str:
        return "".join(pick(rng, LETTERS) for _ in range(between(rng, low, high)))

    def code(self, rng: random.Random) -> str:
        return f"{self.letters(rng, 1, 4)}{pick(rng, ('-', '-', '-', '', ' '))}{between(rng, 10, 9999)}"

    def two_words(self, rng: random.Random) -> str:
        second = self.word(rng) if rng.random() < 0.75 else str(between(rng, 1, 9999))
        return f"{self.word(rng)} {second}"

    def several_words(self, rng: random.Random) -> str:
        return " ".join(self.word(rng) for _ in range(between(rng, 3, 5)))

    def listing(self, rng: random.Random) -> str:
        items = [self.word(rng) for _ in range(between(rng, 2, 3))]
        return f"{', '.join(items[:-1])} and {items[-1]}"

    def date(self, rng: random.Random) -> str:
        day, month, drawn = between(rng, 1, 28), pick(rng, self.months), rng.random()
        if drawn < 0.4:
            return f"{day} {month}"
        if drawn < 0.6:
            return f"{month} {day}"
        if drawn < 0.8:
            return f"{day} {month} {between(rng, 1950, 2049)}"
        return f"{between(rng, 1990, 2049)}-{between(rng, 1, 12):02}-{day:02}"

    def moment(self, rng: random.Random) -> str:
        clock = f"{between(rng, 0, 23)}:{between(rng, 0, 11) * 5:02}"
        drawn = rng.random()
        if drawn < 0.4:
            return f"{pick(rng, self.days)} at {clock}"
        return pick(rng, self.days) if drawn < 0.6 else clock

    def money(self, rng: random.Random) -> str:
        amount = f"{between(rng, 1, 999)}{pick(rng, ('', ',000', ',500', '.50'))}"
        return f"{amount} {pick(rng, ('euros', 'dollars', 'pounds', 'francs', 'crowns'))}"

    def measure(self, rng: random.Random) -> str:
        units = ("percent", "metres", "kilograms", "litres", "hours", "days", "degrees", "people", "miles", "GB", "ms")
        return f"{between(rng, 1, 999)} {pick(rng, units)}"

    def version(self, rng: random.Random) -> str:
        return f"{pick(rng, ('v', '', 'version '))}{between(rng, 0, 19)}.{between(rng, 0, 30)}.{between(rng, 0, 19)}"

    def address(self, rng: random.Random) -> str:
        if rng.random() < 0.5:
            return ".".join(str(between(rng, 1, 254)) for _ in range(4))
        return f"{between(rng, 1, 200)} {self.invented(rng)} {pick(rng, ('Street', 'Road', 'Lane', 'Square'))}"

    def email(self, rng: random.Random) -> str:
        return f"{self.first_name(rng).lower()}@{self.invented(rng).lower()}.{pick(rng, ('com', 'org', 'net', 'io'))}"

    def path(self, rng: random.Random) -> str:
        return "/" + "/".join(self.word(rng) for _ in range(between(rng, 2, 3)))

    def hexadecimal(self, rng: random.Random) -> str:
        return "".join(pick(rng, HEX) for _ in range(between(rng, 6, 10)))

    def mixed(self, rng: random.Random) -> str:
        return "-".join(pick(rng, (self.word, self.number, self.invented))(rng) for _ in range(between(rng, 2, 3)))

    def near(self, rng: random.Random, value: str) -> str:
        """A value that differs from the given one in little: the hard case of a yes/no question."""
        places = [i for i, letter in enumerate(value) if letter.isdigit()]
        if places:
            at = pick(rng, places)
            digit = str((int(value[at]) + between(rng, 1, 9)) % 10)
            return value[:at] + digit + value[at + 1:]
        parts = value.split(" ")
        at = below(rng, len(parts))
        word = self.word(rng)
        parts[at] = word.capitalize() if parts[at][:1].isupper() else word
        return " ".join(parts)


TRAINED = Lexicon(words)
HELD_OUT = Lexicon(words.HeldOut)
