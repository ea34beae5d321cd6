"""Tools of any words, for the training: only their description says what they are for, so it has to be read.

A request holds a word of the tool's name or description, in any frame, and its arguments; whatever else stands in it
says nothing. So the training shows that a request and a description belong together by the words they share.
"""
from __future__ import annotations

import random

from .blind import BLIND, GENERIC, NOUNS, TOOLS
from .english import any_word, noise
from .lexicon import Lexicon, between, pick
from .tools import HELD_OUT_NAMES, KEPT_OUT, VERBS, Parameter, Tool, generic_tool, listed_tool, parsed

# {n} what it is about, {v} what it does, {w} one more word, {p} its first parameter
_DESCRIPTIONS = tuple(frame.strip() for frame in """{V} the {n} of a {p}. | {V} the {w} {n} of a {p}. | Get the {w} {n} of a {p}. | Get the {n} of a {p}.
| {V} a {n} and {w} it. | {V} a {n} to see whether it is {w}. | {V} or {w} a {n}. | Tell the {n} of a {p}. | {V} a {n}. | {V} the {n}.
| Use this to {v} a {n}. | The {n} of a {p}, with its {w}. | Check whether a {n} is {w}. | Find out the {n} or the {w} of a {p}. | {V} a {n} by its {p}.
| Look up the {n} for a {p}. | Get {n} and {w}. | {V} a {p}. | {V} a {p}: is it {w}? | Reads the {n} of a {p}. | {V} a {p} ({n}, {w}). | Show the {n} in a {p}.
| {V} {n} to a {p}. | {V} a {n} at a {p}. | How {w} a {n} is. | Where a {n} is.""".replace("\n", " ").split("|"))

# {a} the arguments; frames need the words that stand in them, and a tool takes only those whose words its description has
_FRAMES = tuple(frame.strip() for frame in """{N} for {a}, please. | {N} of {a}? | {N} {a}. | {N}: {a}. | {N} {a}? | {N} in {a}? | {N} in {a}, please. | {N} at {a}?
| What is the {n} of {a}? | What is the {n} for {a}? | What will the {n} be at {a}? | How is the {n} in {a}? | What {n} does {a} have?
| What {n} has {a}? | Where is the {n} {a}? | I need the {n} of {a}. | I need the {n} for {a}. | Tell me the {n} in {a}. | {a}: {n}? | {a}, {n}. | Any {n} for {a}?
| Do you have the {n} of {a}? | Give me the {n} for {a}. | The {n} of {a}, please. | How many {n} are in {a}? | I would like a {n} at {a}.
| Is there a {n} in {a}? | Show me the {n} of {a}. | Is the {n} {a} here? | Which {n} has {a}?
| Could I have the {n} for {a}? | I want to know the {n} of {a}. | Let me see the {n} of {a}. | {N} please, {a}. | {a} and its {n}. | My {n} {a}, please.
| Is {a} {w}? | Is {a} {w} now? | Is {a} still {w}? | Is {a} {w} or not? | Has {a} been {w}? | How {w} is {a}? | Make {a} {w}. | {W} {a}, please. | {W} {a}. | {W} {a}? | {a}: {w}?
| What {w} has {a}? | Does {a} {w}? | Can {a} {w}? | {W} for {a}. | {W} of {a}? | What is the {w} of {a}? | I want {a} {w}.
| {V} {a}. | {V} {a}, please. | {V} {a} for me. | {V} {a} now. | {V} up {a}. | Please {v} {a}. | Can you {v} {a}? | Could you {v} {a}? | I want to {v} {a}. | Let me {v} {a}.
| Would you {v} {a}? | Let us {v} {a}. | {V} me {a}. | {a} is what you should {v}. | I have to {v} {a}. | It is time to {v} {a}. | {V} it: {a}. | Now {v} {a}. | You can {v} {a}.
| {V} the {n} {a}. | {V} the {n} of {a}. | {V} a {n} at {a}. | {V} a {n} for {a}. | {V} my {n} {a}. | {V} the {n} for {a}, please. | Can you {v} the {n} {a}?
| {V} the {n} called {a}. | Please {v} my {n}: {a}. | {V} {n} {a}. | {V} some {n}: {a}. | Give {a} some {n}. | {V} the {n} in {a}. | Can I {v} the {n} {a}? | {N} {a}: {v} it.
| Could you {v} the {n} for me: {a}? | {V} the {n} for me, {a}. | {V} the {n} for us. {a}. | Can you {v} the {n}? {a}. | I want you to {v} the {n} for her. {a}.
| Do me a favour, {v} the {n}: {a}. | Will you {v} the {n} for him? {a}. | {V} a {n} for me with {a}. | Get me the {n}? {a}. | Is there a {n} for us? {a}. | {x} {n} for me? {a}.
| {x} {n} {a}? | {x} {n} {x} {a}? | {x} {n} {x} {a}. | {x} {v} {a}. | {x} {v} {x} {a}. | {x} {w} {a}? | {x} {w} {x} {a}. | {x} {a} {w}? | {x} {a} {n}. | {a} {x} {n}? | {a} {x} {v}.
| {x}, {n} {x} {a}. | {X}: {v} {a}. | {x} {n} {a} {x}. | {x} {v} {a} {x}? | {x} {w} {x} {a} {x}? | {N} {x} {a}. | {V} {x} {a}. | {W} {x} {a}? | {N} {x} {a} {x}?""".replace("\n", " ").split("|"))

_JOINTS = (" for ", ", ", ", ", " at ", " to ", " with ", " and ", " in ", " on ", ", for ", " ", " from ", " by ")
_KINDS = """place invented code address two_words word number full_name first_name moment date path mixed several_words thing email
hexadecimal letters4 money place invented two_words word code number""".split()
_NAMES = """city town region country harbour host name id item title key code place person user file path address label text value
book show restaurant device door room booking parcel order currency target source amount day time""".split()
_UNNAMED = ("get", "check", "find", "show", "read", "look_up", "set")


def _word(rng: random.Random) -> str:
    while (word := any_word(rng)) in KEPT_OUT:
        pass
    return word


def made_tool(rng: random.Random, lexicon: Lexicon) -> Tool:
    noun, other, verb = _word(rng), _word(rng), _word(rng) if rng.random() < 0.5 else pick(rng, VERBS)
    if rng.random() < 0.15:
        noun = f"{_word(rng)} {noun}"
    kinds = [pick(rng, _KINDS) for _ in range(pick(rng, (1, 1, 1, 2, 2, 3)))]
    named = {any_word(rng) if rng.random() < 0.4 else pick(rng, _NAMES): kind for kind in kinds}
    parameters = tuple(Parameter(*pair) for pair in named.items())
    frame = pick(rng, _DESCRIPTIONS)
    description = _with(frame, noun, verb, other).replace("{p}", parameters[0].name)
    said = "{n}{v}{w}" if rng.random() < 0.3 else frame.lower()
    said += "{n}" if "{n}" in said else ""
    name = f"{verb if '{v}' in said and rng.random() < 0.8 else pick(rng, _UNNAMED)}_{noun.replace(' ', '_')}"
    if "{v}" in said and "{v}" not in frame.lower() and not name.startswith(verb):
        said = said.replace("{v}", "")
    if "{w}" in said and "{w}" not in frame:
        description = f"{description[:-1]} ({other})."
    requests = []
    while len(requests) < 3:
        frame = pick(rng, _FRAMES)
        if all(slot not in frame.lower() or slot in said for slot in ("{n}", "{v}", "{w}")):
            requests.append(_request(rng, frame, noun, verb, other, parameters))
    return Tool(name, description, parameters, tuple(requests), tuple(any_word(rng) for _ in range(pick(rng, (1, 1, 2)))))


def _with(frame: str, noun: str, verb: str, other: str) -> str:
    for slot, word in (("n", noun), ("v", verb), ("w", other)):
        frame = frame.replace("{" + slot + "}", word).replace("{" + slot.upper() + "}", word[:1].upper() + word[1:])
    return frame


def _request(rng: random.Random, frame: str, noun: str, verb: str, other: str, parameters: tuple[Parameter, ...]) -> str:
    while "{x}" in frame or "{X}" in frame:
        frame = frame.replace("{x}" if "{x}" in frame else "{X}", noise(rng, 1, 3), 1)
    text = _with(frame, noun, verb, other)
    arguments = ""
    for parameter in parameters:
        named = parameter.name + " " if rng.random() < (0.15 if len(parameters) == 1 else 0.35) else ""
        arguments += (pick(rng, _JOINTS) if arguments else "") + named + "{" + parameter.name + "}"
    text = text.replace("{a}", arguments)
    if not text.startswith("{"):
        text = text[:1].upper() + text[1:]
    return text


_blind = [parsed(line) for line in TOOLS.strip().splitlines()]


def unmistakable(rng: random.Random, book: str) -> Tool:
    """One that is written down: its requests ask for a tool whether there is one or not."""
    return pick(rng, _blind) if book == BLIND.book else listed_tool(rng, book != "trained")


def draw_tool(rng: random.Random, lexicon: Lexicon, book: str = "trained") -> Tool:
    """Of a phrase book: one that is written down, one of any words, or one of a verb and a noun."""
    drawn = rng.random()
    if book == BLIND.book:
        return pick(rng, _blind) if drawn < 0.45 else generic_tool(rng, lexicon, (NOUNS, GENERIC))
    if book != "trained":
        return listed_tool(rng, True) if drawn < 0.45 else generic_tool(rng, lexicon, HELD_OUT_NAMES)
    if drawn < 0.28:
        return listed_tool(rng, False)
    return made_tool(rng, lexicon) if drawn < 0.7 else generic_tool(rng, lexicon, None)
