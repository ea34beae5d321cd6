"""Long texts with a few facts in them: prose, lists, tables, logs, minutes."""
from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

from .facts import NamedFact, VerbFact, Fact, capital
from .lexicon import Lexicon, between, pick

_FRAMES = """The {a} {b} stood near the {c} for most of the {t}.|Nobody expected the {a} to matter, yet the {b} kept coming back.
|A {a} wind moved over the {b} while the {c} waited.|In the {t} the {a} was moved beside the {b}.
|There were {n} {a} boxes and {m} {b} crates on the dock.|The minutes mention a {a}, a {b} and a broken {c}.
|Some say the {a} came first; others point to the {b}.|After {n} days the {a} was painted {b}.
|The {a} shift reported no change, and the {b} shift agreed.|It took {n} people to carry the {a} past the {b}.
|We tested the {a} twice and the {b} once before lunch.|The note ends with a drawing of a {a} and a {b}.
|Later, {p} wrote that the {a} was only a {b} in disguise.|{p} and {q} argued about the {a} for an hour.
|{p} went to {x} to see the {a}.|The {a} from {x} arrived in the {t}, and {p} signed for it.|Most of the {a} was sold before the {t}.
|{p} asked {q} for a {a}, but got a {b}.|If the {a} breaks, somebody has to call {p}.|We could not find the {a} under the {b}.
|The price of {a} rose by {n} percent in {x}.|On {d} the team met in the {b} room and talked about {a}.
|The {a} is older than the {b}, but nobody in {x} knows it.|{p} thinks that the {a} should be replaced before {d}.
|The weather in {x} was good, and the {a} dried in {n} hours.|It is not clear whether the {a} or the {b} failed first.
|The first {n} pages describe the {a}; the rest is about the {b}.|Please do not leave the {a} near the {b}.
|All {n} members voted for the {a}, and {m} against the {b}.|A long {t} followed, and the {a} stayed where it was.
|{p} said: "The {a} was {b} when I saw it."|The door was open, the {a} was gone, and the {b} lay on the floor.
|In {x} the {a} is sold with {b} and {c}.|{q} has a {a} and two {b}s, one of them {c}.|The {t} before, {p} had cleaned the {a}.
|This section describes how the {a} is used.|See the {a} list for details about the {b}.|The {a} was not part of the plan.
|When the {a} rang, everybody in the {b} hall stood up.|They walked {n} miles from {x} to the {a} river.
|There is no {a} without a {b}, as {p} likes to say.|We thank {p} and {q} for their help with the {a}.
|Because the {a} was late, {p} took the {b} train to {x}.|The {a} costs more than the {b}, and both are {c}.
|Two of the {n} {a}s were {b}, the others {c}.|{p} is from {x} and knows everything about {a}.|Next {t} we will look at the {a} again."""
_SENTENCES = [frame.strip() for frame in _FRAMES.replace("\n", " ").split("|")]
_TIMES = ("morning", "evening", "autumn", "night", "spring", "winter", "afternoon", "summer")
_SERVICES = ("INFO", "WARN", "DEBUG", "ERROR", "api:", "worker:", "sched:")


@cache
def prose() -> tuple[str, ...]:
    """Sentences of this project's own documentation, so that some of the English is nobody's pattern."""
    for folder in Path(__file__).resolve().parents:
        if (folder / "docs").is_dir() and (folder / "README.md").is_file():
            break
    else:
        return ()
    sentences: list[str] = []
    for path in sorted([folder / "README.md", folder / "CONTRIBUTING.md", *(folder / "docs").rglob("*.md")]):
        text = re.sub(r"```.*?```", " ", path.read_text(encoding="utf-8"), flags=re.S)
        text = re.sub(r"[`*#>]|\[|\]\([^)]*\)", "", text)
        for paragraph in text.split("\n\n"):
            if "|" not in paragraph:
                parts = re.split(r"(?<=[.!?]) ", " ".join(paragraph.split()))
                sentences += [part for part in parts if 25 < len(part) < 200 and part[0].isupper() and part[-1] == "."]
    return tuple(sentences)


def filler(rng: random.Random, lexicon: Lexicon) -> str:
    if rng.random() < 0.12 and prose():
        return pick(rng, prose())
    words = lexicon.words
    return pick(rng, _SENTENCES).format(
        a=pick(rng, words), b=pick(rng, words), c=pick(rng, words), t=pick(rng, _TIMES), n=between(rng, 2, 60),
        m=between(rng, 2, 60), p=lexicon.first_name(rng), q=lexicon.first_name(rng), x=lexicon.place(rng),
        d=pick(rng, lexicon.days))


def _log_line(rng: random.Random, lexicon: Lexicon) -> str:
    clock = f"{between(rng, 0, 23):02}:{between(rng, 0, 59):02}:{between(rng, 0, 59):02}"
    return f"{clock} {pick(rng, _SERVICES)} {lexicon.word(rng)} {lexicon.word(rng)} {between(rng, 1, 9999)}"


def stated(rng: random.Random, fact: Fact) -> str:
    """A fact as a text states it, in no one's voice."""
    if isinstance(fact, NamedFact):
        name = fact.name(rng).text
        form = pick(rng, ("{t} is {v}", "{t} is {v}", "{t} is {v}", "{t} was set to {v}", "{t} will be {v}", "{v} is {t}"))
        return form.replace("{t}", capital(name) if form[:3] == "{t}" else name).replace("{v}", fact.value) + "."
    assert isinstance(fact, VerbFact)
    return capital(fact.plain(fact.value)) + "."


def document(rng: random.Random, lexicon: Lexicon, facts: list[Fact], sentences: int) -> str:
    """The facts in their order, hidden among other sentences."""
    drawn = rng.random()
    if drawn < 0.72:
        lines, joint = [filler(rng, lexicon) for _ in range(sentences)], " "
    elif drawn < 0.84:
        lines, joint = ["- " + filler(rng, lexicon) for _ in range(sentences)], "\n"
    elif drawn < 0.92:
        lines, joint = [_log_line(rng, lexicon) for _ in range(sentences)], "\n"
    else:
        lines, joint = [f"{lexicon.first_name(rng)}: {filler(rng, lexicon)}" for _ in range(sentences)], "\n"
    places = sorted(between(rng, 0, len(lines)) for _ in facts)
    for place, fact in reversed(list(zip(places, facts, strict=True))):
        text = stated(rng, fact)
        if joint == "\n":
            named = isinstance(fact, NamedFact) and rng.random() < 0.5
            text = "- " + (f"{capital(fact.name(rng).text)}: {fact.value}" if named else text)
        lines.insert(place, text)
    return joint.join(lines)
