"""A fact: what it is about, its value, and how a user and the assistant say it.

The user's words for something ("my code") and the assistant's ("your code") differ; everything else is the same in
both mouths, so that an answer can be judged letter by letter.
"""
from __future__ import annotations

import random
from dataclasses import dataclass

from . import questions
from .lexicon import Lexicon, pick, split
from .phrases import Phrases
from .relations import EVENTS, OBJECTS, RELATIONS, Relation

_EVENTS, _OBJECTS = split(EVENTS), split(OBJECTS)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def filled(template: str, **parts: str) -> str:
    """Puts in {t}, {v}, ... and {T}, ..., the same with a capital. Values may hold braces; templates hold no others."""
    for name, part in parts.items():
        template = template.replace("{" + name.upper() + "}", capital(part)).replace("{" + name + "}", part)
    return template


def sentence(rng: random.Random, opening: str, core: str, closing: str, begins: bool = True) -> str:
    """`begins` says that no value stands first: a value keeps its letters."""
    if begins and (not opening or opening[-2] not in ",d"):  # after "Hey, " and "And " a sentence goes on
        core = capital(core)
    end = "" if core[-1] in "?.!" else "." if closing else pick(rng, (".", ".", ".", ".", ".", "!", ""))
    return f"{opening}{core}{end}{closing}"


@dataclass(slots=True)
class Asked:
    text: str
    subject: str  # how the assistant names it in the answer


class Fact:
    key: tuple[str, str]
    about: str   # the owner or the subject, as the user says it
    value: str

    def told(self, rng: random.Random, phrases: Phrases, value: str) -> str: raise NotImplementedError
    def changed(self, rng: random.Random, phrases: Phrases, value: str) -> str: raise NotImplementedError
    def asked(self, rng: random.Random, phrases: Phrases) -> Asked: raise NotImplementedError
    def checked(self, rng: random.Random, phrases: Phrases, value: str) -> Asked: raise NotImplementedError
    def name(self, rng: random.Random) -> Asked: raise NotImplementedError
    def statement(self, subject: str, value: str) -> str: raise NotImplementedError
    def plain(self, value: str) -> str: raise NotImplementedError
    def unknown(self, subject: str) -> str: raise NotImplementedError
    def new_value(self, rng: random.Random, lexicon: Lexicon) -> str: raise NotImplementedError


_SWAPPED = {"my": "your", "our": "your", "your": "my"}


class NamedFact(Fact):
    """ "The code of the old mill is amber 42", "my code is amber 42", "Ada's code is amber 42"."""

    def __init__(self, attribute: str, owner: str, value: str) -> None:
        self.attribute, self.owner, self.value = attribute, owner, value
        self.key, self.about = (attribute, owner), owner

    def _name(self, rng: random.Random) -> tuple[str, str]:
        if self.owner in _SWAPPED:
            owner = "our" if self.owner == "my" and rng.random() < 0.12 else self.owner
            return f"{owner} {self.attribute}", f"{_SWAPPED[owner]} {self.attribute}"
        drawn = rng.random()
        if self.owner[:4] == "the " or self.owner[-1].isdigit() or " " in self.owner:
            form = "of" if drawn < 0.7 else "'s" if drawn < 0.9 else "for"
        else:
            form = "'s" if drawn < 0.75 else "of"
        name = f"{self.owner}'s {self.attribute}" if form == "'s" else f"the {self.attribute} {form} {self.owner}"
        return name, name

    def name(self, rng: random.Random) -> Asked:
        return Asked(*self._name(rng))

    def told(self, rng: random.Random, phrases: Phrases, value: str) -> str:
        frame = pick(rng, phrases.tell)
        core = filled(frame, t=self._name(rng)[0], v=value)
        return sentence(rng, pick(rng, phrases.tell_openings), core, pick(rng, phrases.tell_closings), frame[:3] != "{v}")

    def changed(self, rng: random.Random, phrases: Phrases, value: str) -> str:
        return filled(pick(rng, phrases.change), t=self._name(rng)[0], v=value)

    def asked(self, rng: random.Random, phrases: Phrases) -> Asked:
        name, subject = self._name(rng)
        cores = phrases.ask_name if rng.random() < 0.65 else phrases.ask_any
        core = filled(pick(rng, cores), a=name)
        return Asked(sentence(rng, pick(rng, phrases.ask_openings), core, pick(rng, phrases.ask_closings)), subject)

    def checked(self, rng: random.Random, phrases: Phrases, value: str) -> Asked:
        name, subject = self._name(rng)
        return Asked(filled(pick(rng, phrases.check), a=name, v=value), subject)

    def statement(self, subject: str, value: str) -> str:
        return f"{subject} is {value}"

    def plain(self, value: str) -> str:
        name = (f"{_SWAPPED[self.owner]} {self.attribute}" if self.owner in _SWAPPED else
                f"the {self.attribute} of {self.owner}" if self.owner[:4] == "the " else f"{self.owner}'s {self.attribute}")
        return f"{name} is {value}"

    def unknown(self, subject: str) -> str:
        return subject

    def new_value(self, rng: random.Random, lexicon: Lexicon) -> str:
        return lexicon.value(rng)


class VerbFact(Fact):
    """ "Ada lives in Oslo", "the meeting starts at 10:30"."""

    def __init__(self, relation: Relation, subject: str, value: str) -> None:
        self.relation, self.subject, self.value = relation, subject, value
        self.key, self.about = (relation.clause, subject), "me" if subject == "I" else subject

    def _form(self, which: str, who: str, value: str = "") -> str:
        mine = self.subject == "I"
        person = (0 if who == "user" else 1) if mine else 2
        return self.relation.form(which, person, ("I" if who == "user" else "you") if mine else self.subject, value)

    def name(self, rng: random.Random) -> Asked:
        return Asked(self._form("clause", "user"), self._form("clause", "assistant"))

    def told(self, rng: random.Random, phrases: Phrases, value: str) -> str:
        core = self._form("told", "user", value)
        if rng.random() < 0.35:
            frame = pick(rng, phrases.tell)
            start = frame.find("that {t} is {v}")
            if start >= 0:
                core = frame[:start] + "that " + core
        return sentence(rng, pick(rng, phrases.tell_openings), core, pick(rng, phrases.tell_closings))

    def changed(self, rng: random.Random, phrases: Phrases, value: str) -> str:
        core = self._form("told", "user", value)
        frame = pick(rng, phrases.change)
        start = frame.lower().find("{t} is {v}")
        if start < 0:
            frame = pick(rng, ("Actually, {t}.", "Correction: {t}.", "{T} now.", "Update: {t}.", "No, {t}."))
            return filled(frame, t=core)
        core = capital(core) if frame[start:start + 3] == "{T}" else core
        return frame[:start] + core + frame[start + len("{t} is {v}"):]

    def asked(self, rng: random.Random, phrases: Phrases) -> Asked:
        if rng.random() < 0.6:
            mine = self.subject == "I"
            core = self.relation.filled(pick(rng, questions.of_book(self.relation, phrases.book)), 0 if mine else 2, self.subject) + "?"
        else:
            core = filled(pick(rng, phrases.ask_any), a=self._form("clause", "user"))
            core = core.replace("remind me of ", "remind me ").replace(": " + self._form("clause", "user") + "?",
                                                                      ": " + self._form("asked", "user") + "?")
        opening, closing = pick(rng, phrases.ask_openings), pick(rng, phrases.ask_closings)
        return Asked(sentence(rng, opening, core, closing), "")

    def checked(self, rng: random.Random, phrases: Phrases, value: str) -> Asked:
        statement = self._form("told", "user", value)
        for _ in range(4):
            frame = pick(rng, phrases.check)
            start = frame.lower().find("{a} is {v}")
            if start >= 0:
                core = capital(statement) if frame[start:start + 3] == "{A}" else statement
                return Asked(frame[:start] + core + frame[start + len("{a} is {v}"):], "")
        return Asked(capital(self._form("checked", "user", value)) + "?", "")

    def statement(self, subject: str, value: str) -> str:
        return self._form("told", "assistant", value)

    def plain(self, value: str) -> str:
        return self._form("told", "assistant", value)

    def unknown(self, subject: str) -> str:
        return self._form("clause", "assistant")

    def new_value(self, rng: random.Random, lexicon: Lexicon) -> str:
        return value_of(rng, lexicon, self.relation.value_kind)


def value_of(rng: random.Random, lexicon: Lexicon, kind: str) -> str:
    if kind == "role":
        role = pick(rng, lexicon.roles)
        return ("an " if role[0] in "aeio" else "a ") + role
    return getattr(lexicon, kind)(rng)


def draw_owner(rng: random.Random, lexicon: Lexicon, personal: bool = True) -> str:
    drawn = rng.random()
    if personal and drawn < 0.33:
        return "my" if drawn < 0.29 else "your"
    if drawn < 0.55:
        return lexicon.first_name(rng) if rng.random() < 0.85 else lexicon.full_name(rng)
    return lexicon.thing(rng)


def draw_subject(rng: random.Random, lexicon: Lexicon, kind: str, personal: bool = True) -> str:
    if kind == "person":
        return "I" if personal and rng.random() < 0.4 else lexicon.first_name(rng)
    if kind == "event":
        return pick(rng, _EVENTS)
    if kind == "object":
        return pick(rng, _OBJECTS)
    return pick(rng, lexicon.topics) if kind == "topic" else lexicon.thing(rng)


def draw_fact(rng: random.Random, lexicon: Lexicon, personal: bool = True) -> Fact:
    if rng.random() < 0.74:
        return NamedFact(lexicon.attribute(rng), draw_owner(rng, lexicon, personal), lexicon.value(rng))
    relation = pick(rng, RELATIONS)
    subject = draw_subject(rng, lexicon, relation.subject_kind, personal)
    return VerbFact(relation, subject, value_of(rng, lexicon, relation.value_kind))
