"""The state of one conversation: its turns, what has been told in it, and who is talking."""
from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import IntEnum

from .english import STARTS
from .facts import Fact, NamedFact, VerbFact
from .lexicon import Lexicon, pick
from .phrases import Phrases
from .tools import Tool


class Kind(IntEnum):
    """What an answer of the assistant shows; PROMPT is what it does not say itself."""
    PROMPT = 0
    CHAT = 1
    RECALL = 2
    LATEST = 3
    UNKNOWN = 4
    CHECK = 5
    TOOL = 6
    RESULT = 7
    SEVERAL = 8
    LIST = 9
    SOURCE = 10
    ACKNOWLEDGE = 11


@dataclass(slots=True)
class Turn:
    role: str
    text: str
    kind: Kind = Kind.PROMPT


@dataclass(slots=True)
class Known:
    fact: Fact
    value: str
    source: str              # "user", "system", "document", or the name of an agent
    values_before: list[str] = field(default_factory=list)


class Conversation:
    def __init__(self, rng: random.Random, lexicon: Lexicon, phrases: Phrases) -> None:
        self.rng, self.lexicon, self.phrases = rng, lexicon, phrases
        self.turns: list[Turn] = []
        self.letters = 0
        self.known: dict[tuple[str, str], Known] = {}
        self.order: list[tuple[str, str]] = []  # keys, the latest told last
        self.messages: dict[str, list[Known]] = {}  # the last message of each sender
        self.name = ""
        self.role = ""
        self.user_name = ""
        self.tools: list[Tool] = []

    # Turns

    def say(self, role: str, text: str, kind: Kind = Kind.PROMPT) -> None:
        self.turns.append(Turn(role, text, kind))
        self.letters += len(text) + 30

    def user(self, text: str, marks: bool = False) -> None:
        """A user does not always care for capitals and full stops; `marks` keeps a question a question."""
        if self.rng.random() < 0.10:
            if text.partition(" ")[0].lower() in STARTS:  # names and values keep their capitals
                text = text[:1].lower() + text[1:]
            if self.rng.random() < 0.6 and not marks:
                text = text.rstrip("?.!")
        self.say("user", text)

    def assistant(self, text: str, kind: Kind) -> None:
        self.say("assistant", text, kind)

    # What is known

    def learn(self, fact: Fact, value: str, source: str) -> Known:
        known = self.known.get(fact.key)
        if known is None:
            known = self.known[fact.key] = Known(fact, value, source)
        else:
            known.values_before.append(known.value)
            known.value, known.source = value, source
            self.order.remove(fact.key)
        self.order.append(fact.key)
        return known

    def recall(self) -> Known:
        """Most questions reach back further than the last few turns."""
        if self.rng.random() < 0.25:
            return self.known[self.order[-1 - int(self.rng.random() * min(4, len(self.order)))]]
        return self.known[pick(self.rng, self.order)]

    def known_about(self, about: str) -> list[Known]:
        mine = about == "me"
        return [known for key in self.order if (known := self.known[key]) and
                (known.fact.about == about or (mine and known.fact.about == "my"))]

    def fresh(self, facts: list[Fact], personal: bool = True) -> Fact | None:
        """A fact that nothing was told about yet; half of them share an owner or an attribute with what is known."""
        from .facts import draw_fact
        fact = self.neighbour(personal) if self.order and self.rng.random() < 0.4 else draw_fact(self.rng, self.lexicon, personal)
        if fact is None or fact.key in self.known or any(fact.key == other.key for other in facts):
            return None
        if fact.key in (("name", "your"), ("name", "my"), ("first name", "your"), ("nickname", "your")):
            return None
        return fact

    def neighbour(self, personal: bool = True) -> Fact | None:
        """A fact like a known one but for its owner, its attribute or its subject: easily confused with it."""
        from .facts import draw_owner, draw_subject, value_of
        rng, lexicon = self.rng, self.lexicon
        one, other = self.known[pick(rng, self.order)].fact, self.known[pick(rng, self.order)].fact
        if isinstance(one, VerbFact):
            kind = one.relation.subject_kind
            subject = (other.subject if isinstance(other, VerbFact) and other.relation.subject_kind == kind and rng.random() < 0.6
                       else draw_subject(rng, lexicon, kind, personal))
            fact: Fact = VerbFact(one.relation, subject, value_of(rng, lexicon, one.relation.value_kind))
        else:
            assert isinstance(one, NamedFact)
            drawn = rng.random()
            attribute, owner = one.attribute, one.owner
            if drawn < 0.4 and isinstance(other, NamedFact):
                owner = other.owner
            elif drawn < 0.7:
                attribute = lexicon.attribute(rng)
            else:
                owner = draw_owner(rng, lexicon, personal)
            fact = NamedFact(attribute, owner, lexicon.value(rng))
        if not personal and (getattr(fact, "owner", "") in ("my", "your") or getattr(fact, "subject", "") == "I"):
            return None
        return fact if fact.key not in self.known else None
