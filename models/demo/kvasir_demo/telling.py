"""Scenes in which the assistant learns: system prompt, facts, corrections, messages, documents."""
from __future__ import annotations

from .conversation import Conversation, Kind, Known
from .documents import document, filler, stated
from .facts import Fact, NamedFact, capital
from .lexicon import between, pick
from .made_tools import draw_tool
from .tools import signatures

_CHARACTER = ("Answer briefly.", "Be concise.", "You never forget.", "You keep notes for the team.", "Be friendly.",
              "Answer from what you were told.", "You work with other agents.", "Be helpful.", "You are careful.",
              "Use short sentences.", "You remember everything.", "Always be polite.", "Keep answers short.",
              "Do not invent anything.", "You answer briefly and remember what you are told.", "If you do not know something, say so.", "You help the user.")
_IDENTITY = ("You are {n}, a {r}.", "You are {n}, a {r}.", "You are {n}, a {r}.", "Your name is {n}. You are a {r}.",
             "You are {n}, the {r} of {t}.", "You are {n}.", "You are a {r}.", "{n} is your name, and you are a {r}.")
_ACKNOWLEDGE = ("Noted: {s} is {v}.", "Got it, {s} is {v}.", "I will remember that {s} is {v}.", "Understood. {S} is {v}.")
_HAS_READ = ("I have read it.", "I have read it and will remember it.")
_DOCUMENT_SENTENCES = (2, 3, 4, 5, 6, 8, 10, 14, 14, 18, 24, 32)


def open_with_system(c: Conversation, letters: int, tools: bool) -> None:
    rng, lexicon = c.rng, c.lexicon
    c.tools = [draw_tool(rng, lexicon, c.phrases.book) for _ in range(pick(rng, (1, 1, 2, 3, 4)))] if tools else []
    c.tools = list({tool.name: tool for tool in c.tools}.values())
    if rng.random() < 0.14 and not c.tools:
        return
    parts = []
    drawn = rng.random()
    if drawn < 0.88:
        c.name, c.role = lexicon.first_name(rng), pick(rng, lexicon.roles)
        frame = pick(rng, _IDENTITY)
        c.name = c.name if "{n}" in frame else ""
        c.role = c.role if "{r}" in frame else ""
        text = frame.replace("{n}", c.name).replace("{t}", lexicon.thing(rng))
        vowel = c.role[:1] in "aeio"
        parts.append(text.replace("a {r}", "an {r}" if vowel else "a {r}").replace("{r}", c.role))
    for _ in range(pick(rng, (0, 1, 1, 1, 2, 3))):
        parts.append(pick(rng, _CHARACTER))
    for _ in range(pick(rng, (0, 0, 0, 1, 2, 3, 5, 8, 12))):
        if sum(map(len, parts)) > letters * 0.4:
            break
        fact = c.fresh([], personal=False)
        if fact is not None:
            parts.append(stated(rng, fact))
            c.learn(fact, fact.value, "system")
            if rng.random() < 0.2:
                parts.append(filler(rng, lexicon))
    if rng.random() < 0.1:
        parts += [filler(rng, lexicon) for _ in range(between(rng, 1, 6))]
    text = ("\n" if rng.random() < 0.2 else " ").join(parts)
    if c.tools:
        text = f"{text}\n\n{signatures(rng, c.tools)}" if text else signatures(rng, c.tools)
    if text:
        c.say("system", text)


def acknowledge(c: Conversation, facts: list[Known], start: str = "") -> None:
    if len(facts) == 1:
        known = facts[0]
        plain = known.fact.plain(known.value)
        if start:
            text = f"{start}{plain}."
        else:
            frame = pick(c.rng, _ACKNOWLEDGE)
            text = frame.replace("{s} is {v}", plain).replace("{S} is {v}", capital(plain))
    else:
        text = f"{start or 'Noted: '}{'; '.join(k.fact.plain(k.value) for k in facts)}."
    c.assistant(text, Kind.ACKNOWLEDGE)


def tell(c: Conversation) -> None:
    facts: list[Fact] = []
    for _ in range(pick(c.rng, (1, 1, 1, 1, 2, 2, 3, 5))):
        fact = c.fresh(facts)
        if fact is not None:
            facts.append(fact)
    if not facts:
        return
    if len(facts) > 1 and c.rng.random() < 0.25:
        plain = [fact.told(c.rng, _PLAIN, fact.value).rstrip(".!") for fact in facts]
        text = plain[0] + ", and ".join(["", *(part[:1].lower() + part[1:] if part[:3] in ("The", "My ") else part for part in plain[1:])]) + "."
    else:
        joint = "\n" if c.rng.random() < 0.1 else " "
        text = joint.join(fact.told(c.rng, c.phrases, fact.value) for fact in facts)
        if len(facts) > 1 and joint == " " and any(part[-1] not in ".?!" for part in text.split(joint)[-1:]):
            text += "."
    c.user(text)
    acknowledge(c, [c.learn(fact, fact.value, "user") for fact in facts])


class _Plain:
    tell, tell_openings, tell_closings = ("{t} is {v}",), ("",), ("",)


_PLAIN = _Plain()


def change(c: Conversation) -> None:
    known = c.recall()
    value = known.fact.new_value(c.rng, c.lexicon)
    if c.rng.random() < 0.15:
        value = c.lexicon.near(c.rng, known.value)
    if value == known.value:
        return
    c.user(known.fact.changed(c.rng, c.phrases, value))
    c.learn(known.fact, value, "user")
    plain = known.fact.plain(value)
    now = plain.replace(" is ", " is now ", 1) if isinstance(known.fact, NamedFact) else plain
    c.assistant(pick(c.rng, ("Updated: {s}.", "Got it, {s}.")).replace("{s}", now), Kind.ACKNOWLEDGE)


def message(c: Conversation) -> None:
    sender = pick(c.rng, list(c.messages)) if c.messages and c.rng.random() < 0.3 else c.lexicon.first_name(c.rng)
    if sender == c.name:
        return
    facts: list[Fact] = []
    for _ in range(pick(c.rng, (1, 1, 2))):
        fact = c.fresh(facts, personal=False)
        if fact is not None:
            facts.append(fact)
    if not facts:
        return
    text = " ".join(stated(c.rng, fact) for fact in facts)
    c.user(pick(c.rng, c.phrases.message).replace("{p}", sender).replace("{m}", text))
    learned = [c.learn(fact, fact.value, sender) for fact in facts]
    c.messages[sender] = learned
    acknowledge(c, learned, f"Noted, from {sender}: ")


def read(c: Conversation, letters: int) -> None:
    rng = c.rng
    sentences = min(pick(rng, _DOCUMENT_SENTENCES), max(1, letters // 70))
    facts: list[Fact] = []
    for _ in range(between(rng, 0, 1 + sentences // 4)):
        fact = c.fresh(facts, personal=False)
        if fact is not None:
            facts.append(fact)
    text = document(rng, c.lexicon, facts, sentences)
    c.say("user", f"{pick(rng, c.phrases.read)}{pick(rng, (' ', ' ', chr(10)))}{text}")
    for fact in facts:
        c.learn(fact, fact.value, "document")
    c.assistant(pick(rng, _HAS_READ), Kind.ACKNOWLEDGE)


def introduce_user(c: Conversation) -> None:
    name = c.lexicon.first_name(c.rng)
    c.user(pick(c.rng, ("My name is {n}.", "I am {n}.", "Call me {n}.", "I'm {n}.", "My name is {n}. Nice to meet you.",
                        "Hello, I am {n}.", "Hi, my name is {n}.", "You can call me {n}.", "This is {n}.")).replace("{n}", name))
    c.learn(NamedFact("name", "my", name), name, "user")
    c.user_name = name
    c.assistant(f"Nice to meet you, {name}.", Kind.ACKNOWLEDGE)
