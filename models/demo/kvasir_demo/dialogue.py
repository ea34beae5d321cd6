"""Puts scenes together to conversations of a wanted length."""
from __future__ import annotations

import random
from collections.abc import Callable

from . import asking, telling
from . import lexicon as lexicons
from .blind import BLIND
from .conversation import Conversation, Kind, Turn
from .facts import NamedFact
from .grammar import varied
from .lexicon import Lexicon, between, pick
from .phrases import HELD_OUT, Phrases
from .small_talk import HELD_OUT_GREETINGS, NONSENSE_ANSWERS, SMALL_TALK
from .made_tools import unmistakable
from .tools import Tool, argument, call_text, result

Scene = Callable[[Conversation], None]


def identity(c: Conversation) -> str:
    role = f"{'an' if c.role[:1] in 'aeio' else 'a'} {c.role}"
    if c.name and c.role:
        return f"I am {c.name}, {role}."
    if c.name or c.role:
        return f"I am {c.name or role}."
    return "I am a very small model that remembers what it is told."


def small_talk(c: Conversation) -> None:
    said, answers = pick(c.rng, SMALL_TALK)
    if c.rng.random() < 0.25:  # what opens and closes a conversation comes more often
        said, answers = SMALL_TALK[int(c.rng.random() * 16)]
    user = f", {c.user_name}" if c.user_name else ""
    me = identity(c)
    text = pick(c.rng, said)
    if c.phrases.book != "trained" and "{hello}" in answers[0]:
        text = pick(c.rng, HELD_OUT_GREETINGS)
    answer = pick(c.rng, answers)
    answer = (answer.replace("{hello}", f"Hello{user}! How can I help?").replace("{user}", user).replace("{me}", me)
              .replace("{who}", f"You are {c.user_name}." if c.user_name else "I do not know your name yet."))
    c.user(text)
    c.assistant(answer, Kind.CHAT)


def own_name(c: Conversation) -> None:
    if c.name and c.rng.random() < 0.6:
        c.user(pick(c.rng, ("What is your name?", "What's your name?", "Tell me your name.", "Your name?", "What are you called?")))
        c.assistant(f"My name is {c.name}.", Kind.CHAT)
    elif c.role:
        c.user(pick(c.rng, ("What is your role?", "What is your job?", "What is your task?", "What do you do for a living?")))
        c.assistant(f"I am {'an' if c.role[:1] in 'aeio' else 'a'} {c.role}.", Kind.CHAT)


def nonsense(c: Conversation) -> None:
    words = " ".join(c.lexicon.word(c.rng) for _ in range(between(c.rng, 1, 7)))
    c.user(words + pick(c.rng, ("?", ".", "", "!", "...")))
    c.assistant(pick(c.rng, NONSENSE_ANSWERS), Kind.CHAT)


def asked_of_tool(c: Conversation, tool: Tool) -> str:
    """A request in the tool's own words. One that shares no word with its description would say that anything odd is a request."""
    request = pick(c.rng, tool.requests)
    drawn = 1.0 if c.phrases.book != "trained" else c.rng.random()
    if drawn < 0.15:
        return pick(c.rng, c.phrases.ask_openings) + request
    return request + pick(c.rng, c.phrases.ask_closings) if drawn < 0.25 else request


def use_tool(c: Conversation) -> None:
    rng = c.rng
    if not c.tools or rng.random() < 0.015:
        tool = unmistakable(rng, c.phrases.book)  # any other request could as well be a question for a fact
        if all(tool.name != own.name for own in c.tools):
            values = {p.name: argument(rng, c.lexicon, p.kind) for p in tool.parameters}
            c.user(pick(rng, tool.requests).format(**values))
            c.assistant("I have no tool for that.", Kind.TOOL)
        return
    tool = pick(rng, c.tools)
    calls, answers = [], []
    for _ in range(2 if rng.random() < 0.06 else 1):
        values = {p.name: argument(rng, c.lexicon, p.kind) for p in tool.parameters}
        spoken = dict(values)
        if rng.random() < 0.12:
            named = [k for key in c.order[-30:] if isinstance((k := c.known[key]).fact, NamedFact)]
            parameter = pick(rng, tool.parameters)
            if named and parameter.kind != "number":  # "What is the weather in my home town?"
                known = pick(rng, named)
                values[parameter.name], spoken[parameter.name] = known.value, known.fact.name(rng).text
        calls.append((asked_of_tool(c, tool).format(**spoken), call_text(tool, values)))
        answers.append(result(rng, c.lexicon, tool))
    c.user(" ".join(request for request, _ in calls))
    c.assistant("\n".join(call for _, call in calls), Kind.TOOL)
    for text, _ in answers:
        c.say("tool", text)
    said = " ".join(answer for _, answer in answers)
    c.assistant(said, Kind.RESULT)
    if rng.random() < 0.2:
        c.user(pick(rng, ("What did the tool say?", "What was the result?", "Repeat the result.", "Say that again.")))
        c.assistant(said, Kind.RESULT)


_SCENES: list[tuple[Scene, float, bool]] = [  # scene, share, whether something must be known
    (telling.tell, 22, False), (telling.change, 7, True), (telling.message, 4, False), (telling.introduce_user, 0.7, False),
    (asking.recall, 26, True), (asking.unknown, 14, False), (asking.check, 11, True), (asking.several, 4, True),
    (asking.about, 3, True), (asking.summary, 1.5, False), (asking.got_that, 1, True), (asking.who_told, 1.5, True),
    (asking.who_said, 2, False), (asking.draft, 1, True), (asking.previous, 1.2, True),
    (small_talk, 5, False), (own_name, 0.8, False), (nonsense, 1, False)]


def _table(telling_share: float) -> tuple[list[Scene], list[Scene]]:
    """Scenes repeated by their share, so that drawing one is one index: all, and those that need no knowledge."""
    every: list[Scene] = []
    early: list[Scene] = []
    for scene, share, needs in _SCENES:
        if scene in (telling.tell, telling.message):
            share *= telling_share
        every += [scene] * round(share * 10)
        if not needs:
            early += [scene] * round(share * 10)
    return every, early


_TABLES = [_table(share) for share in (0.5, 1.0, 1.0, 2.0)]


def converse(rng: random.Random, letters: int, book: str = "trained", tools: bool | None = None) -> Conversation:
    """A conversation of about `letters` letters, in trained words and phrases or in held-out or blind ones."""
    lexicon: Lexicon = lexicons.TRAINED if book == "trained" else lexicons.HELD_OUT
    phrases: Phrases = varied(rng) if book == "trained" else BLIND if book == BLIND.book else HELD_OUT
    c = Conversation(rng, lexicon, phrases)
    with_tools = rng.random() < 0.3 if tools is None else tools
    telling.open_with_system(c, letters, with_tools)
    every, early = pick(rng, _TABLES)
    reading = pick(rng, (0.0, 0.03, 0.06, 0.15))
    tool_share = 0.3 if with_tools else 0.004
    while c.letters < letters:
        drawn = rng.random()
        if drawn < reading:
            telling.read(c, letters - c.letters)
        elif drawn < reading + tool_share:
            use_tool(c)
        else:
            pick(rng, every if c.order else early)(c)
    return c


def turns(rng: random.Random, letters: int) -> list[Turn]:
    return converse(rng, letters).turns
