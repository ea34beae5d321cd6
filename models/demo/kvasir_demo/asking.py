"""Scenes in which the assistant answers from what it was told, or says that it was not."""
from __future__ import annotations

from .conversation import Conversation, Kind, Known
from .facts import Asked, Fact, NamedFact, capital, draw_fact
from .lexicon import pick

NUMBERS = ("no", "one", "two", "three", "four", "five")
UNKNOWN = ("I do not know {u} yet.", "I do not know {u} yet.", "I do not know {u} yet.", "I do not know {u}.",
           "I do not know {u} yet. Tell me and I will remember it.", "Nobody has told me {u}.")
LIST_MAX = 5


def answer_of(known: Known, asked: Asked) -> str:
    return capital(known.fact.statement(asked.subject, known.value)) + "."


def recall(c: Conversation, known: Known | None = None) -> None:
    known = known or c.recall()
    asked = known.fact.asked(c.rng, c.phrases)
    c.user(asked.text)
    c.assistant(answer_of(known, asked), Kind.LATEST if known.values_before else Kind.RECALL)


def not_told(c: Conversation) -> Fact | None:
    fact = c.neighbour() if c.order and c.rng.random() < 0.75 else draw_fact(c.rng, c.lexicon)
    if fact is None or fact.key in c.known or fact.key[1] == "your" or fact.key == ("name", "my"):
        return None
    return fact


def unknown(c: Conversation) -> None:
    fact = not_told(c)
    if fact is None:
        return
    asked = fact.asked(c.rng, c.phrases)
    c.user(asked.text)
    c.assistant(pick(c.rng, UNKNOWN).replace("{u}", fact.unknown(asked.subject)), Kind.UNKNOWN)


def false_value(c: Conversation, known: Known) -> str:
    drawn = c.rng.random()
    if drawn < 0.25:
        value = c.lexicon.near(c.rng, known.value)
    elif drawn < 0.45 and known.values_before:
        value = pick(c.rng, known.values_before)
    elif drawn < 0.7 and isinstance(known.fact, NamedFact):
        value = c.recall().value
    else:
        value = known.fact.new_value(c.rng, c.lexicon)
    return value


def check(c: Conversation) -> None:
    drawn = c.rng.random()
    if drawn < 0.12:
        fact = not_told(c)
        if fact is None:
            return
        asked = fact.checked(c.rng, c.phrases, fact.value)
        c.user(asked.text, marks=True)
        c.assistant(pick(c.rng, UNKNOWN[:4]).replace("{u}", fact.unknown(asked.subject)), Kind.UNKNOWN)
        return
    known = c.recall()
    value = known.value if drawn < 0.56 else false_value(c, known)
    asked = known.fact.checked(c.rng, c.phrases, value)
    c.user(asked.text, marks=True)
    verdict = "Yes" if value == known.value else "No"
    c.assistant(f"{verdict}, {known.fact.statement(asked.subject, known.value)}.", Kind.CHECK)


def previous(c: Conversation) -> None:
    changed = [known for key in c.order[-40:] if (known := c.known[key]).values_before and isinstance(known.fact, NamedFact)]
    if not changed:
        return
    known = pick(c.rng, changed)
    name = known.fact.name(c.rng)
    text = pick(c.rng, c.phrases.previous)
    c.user(text.replace("{a}", name.text))
    c.assistant(f"Before that, {name.subject} was {known.values_before[-1]}.", Kind.LATEST)


def several(c: Conversation) -> None:
    """More than one question in a turn; some of them have no answer."""
    questions: list[str] = []
    answers: list[str] = []
    for _ in range(pick(c.rng, (2, 2, 3))):
        known = c.recall()
        fact: Fact | None = known.fact
        if c.rng.random() < 0.2:
            fact = not_told(c)
            if fact is None:
                continue
        assert fact is not None
        name = fact.name(c.rng)
        if name.text in questions:
            continue
        questions.append(name.text)
        if fact.key in c.known:
            answers.append(capital(fact.statement(name.subject, c.known[fact.key].value)) + ".")
        else:
            answers.append(f"I do not know {fact.unknown(name.subject)} yet.")
    if len(questions) < 2:
        return
    listing = ", ".join(questions[:-1]) + " and " + questions[-1]
    frame = pick(c.rng, ("Tell me {a}.", "Do you remember {a}?", "I need to know {a}.", "Remind me of {a}.", "Please tell me {a}.",
                         "I want to know {a}.", "Can you tell me {a}?", "Give me {a}.", "Do you know {a}?"))
    c.user(frame.replace("{a}", listing))
    c.assistant(" ".join(answers), Kind.SEVERAL)


def _lines(entries: list[Known]) -> str:
    return "\n".join(f"- {capital(known.fact.plain(known.value))}." for known in entries)


def about(c: Conversation) -> None:
    if c.rng.random() < 0.2 or not c.order:
        fact = draw_fact(c.rng, c.lexicon)
        topic = "me" if fact.about in ("my", "your") else fact.about
        entries = c.known_about(topic)
    else:
        topic = c.recall().fact.about
        if topic == "your":
            return
        topic = "me" if topic == "my" else topic
        entries = c.known_about(topic)
    if len(entries) > 6:
        return
    c.user(pick(c.rng, c.phrases.about).replace("{a}", topic))
    if not entries:
        c.assistant(f"I do not know anything about {'you' if topic == 'me' else topic} yet.", Kind.UNKNOWN)
    elif len(entries) == 1:
        c.assistant(capital(entries[0].fact.plain(entries[0].value)) + ".", Kind.LIST)
    else:
        c.assistant(_lines(entries), Kind.LIST)


def summary(c: Conversation) -> None:
    c.user(pick(c.rng, c.phrases.summary))
    if not c.order:
        c.assistant("Nothing yet. Tell me something and I will remember it.", Kind.UNKNOWN)
        return
    entries = [c.known[key] for key in c.order[-LIST_MAX:]]
    if len(c.order) > LIST_MAX:
        start = "This is the latest that I know:\n"
    else:
        start = f"I know {NUMBERS[len(entries)]} thing{'s' if len(entries) > 1 else ''}:\n"
    c.assistant(start + _lines(entries), Kind.LIST)


def got_that(c: Conversation) -> None:
    """Asks for the last thing that was told."""
    known = c.known[c.order[-1]]
    c.user(pick(c.rng, ("Did you get that?", "What did I tell you last?", "What was the last thing I told you?", "Repeat that, please.",
                        "What was the latest news?", "What did you learn last?", "Please repeat the last fact.")))
    c.assistant(capital(known.fact.plain(known.value)) + ".", Kind.LIST)


def who_told(c: Conversation) -> None:
    known = c.recall()
    name = known.fact.name(c.rng)
    c.user(pick(c.rng, c.phrases.who_told).replace("{a}", name.text))
    source = {"user": "You told me.", "system": "It is in my instructions.", "document": "I read it in a document."}
    c.assistant(source.get(known.source, f"{known.source} told me."), Kind.SOURCE)


def who_said(c: Conversation) -> None:
    if not c.messages or c.rng.random() < 0.15:
        sender = c.lexicon.first_name(c.rng)
        if sender in c.messages:
            return
    else:
        sender = pick(c.rng, list(c.messages))
    c.user(pick(c.rng, c.phrases.who_said).replace("{p}", sender))
    entries = c.messages.get(sender)
    if not entries:
        c.assistant(f"I have no message from {sender}.", Kind.UNKNOWN)
        return
    if any(known.source != sender for known in entries):
        entries = []  # what was said has changed since; the message is what was said then
        c.turns.pop()
        return
    c.assistant(f"{sender} said that {' and that '.join(k.fact.plain(k.value) for k in entries)}.", Kind.SOURCE)


def draft(c: Conversation) -> None:
    known = c.recall()
    if not isinstance(known.fact, NamedFact) or known.fact.owner in ("my", "your"):
        return
    receiver = c.lexicon.first_name(c.rng)
    name = known.fact.name(c.rng)
    c.user(pick(c.rng, c.phrases.draft).replace("{p}", receiver).replace("{a}", name.text))
    c.assistant(f"To {receiver}: {capital(known.fact.statement(name.subject, known.value))}.", Kind.SOURCE)
