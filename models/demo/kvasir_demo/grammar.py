"""Many turns of phrase made of few: combinations, and frames of words that mean nothing here.

A model of this size knows no synonyms. What it can learn is the structure: a name without a value is asked for, a name
with a value is told, a statement with a doubt is checked, whatever stands around them. So the training hears thousands
of frames, among them ones with any English words in them. The held-out phrases are never made here (see without()).
"""
from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from . import more_phrases, pieces
from .english import noise
from .blind import BLIND
from .phrases import HELD_OUT, TRAINED, Phrases

_COUNTS = {"tell": 3000, "tell_openings": 2500, "tell_closings": 1500, "change": 1500, "ask_name": 3000, "ask_any": 5000,
           "ask_openings": 3000, "ask_closings": 1500, "check": 3000, "previous": 200, "who_told": 800, "about": 1500,
           "summary": 200, "read": 1200, "message": 200, "who_said": 200, "draft": 200}


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


class _Maker:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def one(self, options: tuple[str, ...]) -> str:
        return self.rng.choice(options)

    def words(self, low: int, high: int) -> str:
        return noise(self.rng, low, high)

    def joined(self, *parts: str) -> str:
        return re.sub(r" +([,.?!:])", r"\1", " ".join(part for part in parts if part))

    def request(self, a: str = "{a}") -> str:
        """Asks for what may be a name or a clause."""
        drawn = self.rng.random()
        if drawn < 0.30:
            start = self.joined(self.one(pieces.POLITE), self.one(pieces.SAY))
        elif drawn < 0.50:
            start = self.one(pieces.WANT)
        elif drawn < 0.68:
            start = self.one(pieces.KNOW)
        elif drawn < 0.74:
            start = self.joined(self.one(pieces.SUBJECTS), self.one(("wants to know", "asks", "needs to know", "asked me", "wonders", "asked for",
                                                                "wanted to know", "asks me for", "is asking for", "forgot", "asks me", "keeps asking for", "always asks me")))
        else:
            start = self.words(1, 5)
        after = self.one(pieces.ADVERBS) if self.rng.random() < 0.15 else self.words(1, 3) if self.rng.random() < 0.12 else ""
        end = self.rng.choice("?.") if self.rng.random() < 0.9 else ""
        return self.joined(start, a + ("," if after and self.rng.random() < 0.4 else ""), after) + end

    def ask_name(self) -> str:
        drawn = self.rng.random()
        if drawn < 0.1:
            return f"what is {{a}} {self.one(pieces.ADVERBS)}?"
        if drawn < 0.2:
            return f"what {self.one(('is', 'was', 'will'))} {{a}}{self.one(('', ','))} {self.words(1, 4)}?"
        if drawn < 0.3:
            return f"what {self.one(('then', 'really', 'actually', 'now', 'again', 'else', 'exactly'))} is {{a}}?" \
                if self.rng.random() < 0.5 else f"{self.one(('which', 'what'))} {self.one(pieces.NOUNS)} is {{a}}?"
        if drawn < 0.5:
            return f"what {self.one(pieces.DO)} {{a}}?"
        if drawn < 0.6:
            return f"{self.one(('what', 'which'))} {self.words(1, 3)} {{a}}?"
        if drawn < 0.7:
            return self.joined(self.one(pieces.POLITE), self.one(pieces.SAY), "what {a}", self.one(("is", "was", "will be", "is now", "is called"))) + \
                self.one(("?", "."))
        if drawn < 0.73:
            start = self.joined(self.one(pieces.SUBJECTS), self.one(("want to know", "wants to know", "asked me", "would like to know", "asks"))) \
                if self.rng.random() < 0.6 else self.one(("do you see", "no idea", "I have no idea", "can you see", "tell us", "who knows", "do you think of"))
            return f"{start} what {{a}} is{self.one(('?', '.'))}"
        if drawn < 0.78:
            return f"{{a}}{self.one(('', ',', ':'))} {self.words(1, 4)}{self.one(('?', '.', ''))}"
        if drawn < 0.84:
            return f"{self.words(1, 4)}{self.one((':', ',', '...'))} {{a}}{self.one(('?', '.', ''))}"
        return self.request()

    def about(self) -> str:
        """Who or what without an attribute: all that is known of it is asked for."""
        drawn = self.rng.random()
        if drawn < 0.45:
            return capital(self.request())
        if drawn < 0.75:
            return f"{capital(self.words(1, 4))}{self.one(('', '', ' about', ' on', ' of', ':'))} {{a}}{self.one(('.', '?'))}"
        if drawn < 0.9:
            return f"What {self.words(1, 4)}{self.one(('', ' about', ' on', ' of', ' for'))} {{a}}?"
        return "{A}" + self.one(("?", ".", ", please."))

    def who_told(self) -> str:
        drawn = self.rng.random()
        if drawn < 0.6:
            start = self.one(("who", "who", "who", "from whom", "where", "whose word"))
            return f"{capital(start)} {self.words(1, 3)}{self.one(('', ' you', ' you'))} {{a}}?"
        if drawn < 0.8:
            return f"{capital(self.one(('who', 'what', 'which', 'name', 'give me')))} {self.words(1, 2)} {self.one(('source', 'origin'))} {self.one(('for', 'of'))} {{a}}?"
        return f"{capital(self.words(1, 3))} who {self.words(1, 2)} {{a}}{self.one(('?', '.'))}"

    def previous(self) -> str:
        when = self.one(("before", "before that", "earlier", "previously", "formerly", "in the past", "at first", "before the change", "until then"))
        start = self.one(("What", "What", "Which one", "Which value")) if self.rng.random() < 0.7 else capital(self.words(1, 3))
        return self.joined(start, self.words(1, 2) if self.rng.random() < 0.5 else "was", "{a}", self.words(1, 1) if self.rng.random() < 0.2 else "", when) + "?"

    def opening(self) -> str:
        words = self.words(1, 4)
        drawn = self.rng.random()
        if drawn < 0.35:
            return capital(words) + ", "
        if drawn < 0.6:
            return capital(words) + ": "
        return capital(words) + self.one((". ", ". ", "! ", "? ", "... "))

    def closing(self) -> str:
        return f" {capital(self.words(1, 5))}{self.one(('.', '.', '!', '?'))}"

    def tell_closing(self) -> str:
        return f" {capital(self.words(1, 5))}{self.one(('.', '.', '!'))}"

    def that(self) -> str:
        drawn = self.rng.random()
        if drawn < 0.4:
            return self.joined(self.one(pieces.SUBJECTS), self.one(pieces.CLAIM), "that")
        if drawn < 0.7:
            return self.joined(self.one(pieces.POLITE), self.one(pieces.NOTE), "that")
        return self.words(1, 5) + " that"

    def tell(self) -> str:
        drawn = self.rng.random()
        if drawn < 0.4:
            return f"{self.that()} {{t}} is {{v}}"
        if drawn < 0.65:
            return self.joined("{t}", self.one(pieces.IS), "{v}", self.one(pieces.AFTER))
        if drawn < 0.75:
            return self.joined("{v}", self.one(pieces.IS_ROLE), "{t}")
        if drawn < 0.87:
            frame = self.one(("{n}: {t} is {v}", "{n} {t} as {v}", "{n} {v} as {t}", "{n} {v} for {t}", "{n} {t}: {v}", "{n} {t} = {v}"))
            return frame.replace("{n}", self.joined(self.one(pieces.POLITE), self.one(pieces.NOTE)))
        if drawn < 0.94:
            return f"{self.words(1, 4)}{self.one((',', ':'))} {{t}} is {{v}}"
        return f"{{t}} is {{v}}{self.one((',', ' -', ''))} {self.words(2, 5)}" if self.rng.random() < 0.5 else f"for {{t}} {self.words(1, 3)}: {{v}}"

    def check(self) -> str:
        drawn = self.rng.random()
        if drawn < 0.3:
            return capital(self.one(pieces.DOUBT)) + " {a} is {v}?"
        if drawn < 0.55:
            start = self.one(pieces.SAID)
            return (f"{capital(start)} {{a}} is {{v}}. " if start else "{A} is {v}. ") + self.one(pieces.RIGHT) + "?"
        if drawn < 0.68:
            start = self.one(pieces.SAID)
            return (f"{capital(start)} {{a}} is {{v}}, " if start else "{A} is {v}, ") + self.one(pieces.TAG) + "?"
        if drawn < 0.82:
            return f"{capital(self.one(pieces.TEST))}: {{a}} is {{v}}{self.one(('?', '?', '.'))}"
        if drawn < 0.87:
            return "{A} is {v}?"
        if drawn < 0.94:
            return f"{capital(self.words(1, 5))}{self.one((' that', ',', ':', ''))} {{a}} is {{v}}?"
        return f"{capital(self.words(1, 4))} that {{a}} is {{v}}. {self.one(pieces.RIGHT)}?"

    def change(self) -> str:
        drawn = self.rng.random()
        start = self.one(pieces.ANEW) if drawn < 0.75 else self.words(1, 4)
        start = capital(start)
        return self.joined(f"{start}{self.one((',', ':', '.', '!'))}", "{t} is {v}", self.one(pieces.TIMES)) + "." \
            if drawn < 0.9 else self.joined(f"{{T}} {self.one(('is', 'is now', 'has become', 'was changed to', 'became', 'moved to', 'is now set to'))} {{v}}",
                                            self.one(pieces.TIMES)) + "."

    def mixed(self, options: tuple[str, ...], slot: str) -> Callable[[], str]:
        """One of the given, with an opening or a closing of no meaning."""
        def make() -> str:
            frame = self.one(options)
            drawn = self.rng.random()
            if drawn < 0.5:
                start = self.opening()
                frame = start + (frame[:1].lower() + frame[1:] if start[-2] == "," and not frame.startswith("{") else frame)
            elif drawn < 0.8 and slot == "ask":
                frame += self.closing()
            return frame
        return make

    def read(self) -> str:
        """What stands before a long text."""
        drawn, end = self.rng.random(), self.one((":", ":", ".", ".", "!", " -", ""))
        what = self.joined(self.one(pieces.WHICH_TEXT), self.one(pieces.KIND_OF_TEXT), self.one(pieces.TEXT))
        if drawn < 0.35:
            text = self.joined(self.one(pieces.POLITE), self.one(pieces.TAKE_IN), what if self.rng.random() < 0.8 else self.one(("this", "it", "that", "what follows", "these")))
        elif drawn < 0.65:
            text = self.joined(self.one(pieces.HERE), what)
        elif drawn < 0.75:
            text = self.joined(self.one(pieces.KIND_OF_TEXT), self.one(pieces.TEXT), self.one(("", "number", "of", "about", "on", "from", "by")), self.words(1, 2))
        elif drawn < 0.85:
            text = self.joined(self.words(1, 3), what)
        else:
            return capital(self.words(1, 6)) + end
        return capital(self.joined(text, self.one(pieces.AFTER_TEXT))) + end


def core(frame: str) -> str:
    return re.sub(r"[^a-z]+", " ", re.sub(r"\{.\}", " ", frame.lower())).strip()


@cache
def _cores(held_out: tuple[str, ...]) -> frozenset[str]:
    return frozenset(core(frame) for frame in held_out if len(core(frame).split()) > 1)


def without(frames: list[str], held_out: tuple[str, ...]) -> tuple[str, ...]:
    """Nothing that is held out: neither the phrase nor its words around the slots."""
    kept_out = _cores(held_out)
    cores = ((frame, core(frame)) for frame in frames)
    return tuple(frame for frame, said in cores if not any(words in said for words in kept_out))


_MADE_EACH, _USED = 20, 16  # one in so many of _COUNTS at a time, for so many conversations
_now: list[Phrases] = []
_left = [0]


def varied(rng: random.Random) -> Phrases:
    """The trained phrases with ever new ones: a network that could learn all frames would take others for something else."""
    if _left[0] <= 0:
        _now[:], _left[0] = [_varied(rng.getrandbits(32))], _USED
    _left[0] -= 1
    return _now[0]


def _varied(seed: int) -> Phrases:
    """Those written by hand are a good share."""
    maker = _Maker(seed)
    by_hand = {"previous": more_phrases.PREVIOUS, "who_told": more_phrases.WHO_TOLD, "about": more_phrases.ABOUT, "summary": more_phrases.SUMMARY, "read": more_phrases.READ,
               "message": more_phrases.MESSAGE, "who_said": more_phrases.WHO_SAID, "draft": more_phrases.DRAFT}
    makers: dict[str, Callable[[], str]] = {
        "tell": maker.tell, "tell_openings": maker.opening, "tell_closings": maker.tell_closing, "change": maker.change,
        "ask_name": maker.ask_name, "ask_any": maker.request, "ask_openings": maker.opening, "ask_closings": maker.closing,
        "check": maker.check, "about": maker.about, "who_told": maker.who_told, "previous": maker.previous, "read": maker.read}
    shares = {"tell": 0.4, "tell_openings": 0.72, "tell_closings": 0.8, "change": 0.4, "ask_name": 0.35, "ask_any": 0.3,
              "ask_openings": 0.7, "ask_closings": 0.8, "check": 0.3, "about": 0.5, "who_told": 0.5, "read": 0.4}
    changed: dict[str, tuple[str, ...]] = {}
    for name, count in _COUNTS.items():
        own = getattr(TRAINED, name) + by_hand.get(name, ())
        slot = "message" if name in ("message", "read") else "ask"
        make = makers.get(name) or maker.mixed(own, slot)
        made = without([make() for _ in range(max(8, count // _MADE_EACH))], getattr(HELD_OUT, name) + getattr(BLIND, name))
        share = shares.get(name, 0.6)
        changed[name] = own * max(1, round(len(made) * share / (1 - share) / len(own))) + made
    return replace(TRAINED, **changed)
