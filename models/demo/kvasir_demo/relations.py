"""Facts that are said with a verb: where somebody lives, when something starts, who leads what."""
from __future__ import annotations

from dataclasses import dataclass

# One relation a line: value kind | subject kind | told | asked | clause | check | asked in held-out words.
# {s} is the subject, {v} the value. Verbs of people are written in the third person with a bar before the ending,
# "live|s", so that the first and the second person can be made of the same line.
_TABLE = """
place | person | {s} live|s in {v} | where do|es {s} live | where {s} live|s | do|es {s} live in {v} | in which place do|es {s} live
invented | person | {s} work|s at {v} | where do|es {s} work | where {s} work|s | do|es {s} work at {v} | at which company do|es {s} work
role | person | {s} work|s as {v} | what do|es {s} work as | what {s} work|s as | do|es {s} work as {v} | in what job do|es {s} work
two_words | person | {s} like|s {v} | what do|es {s} like | what {s} like|s | do|es {s} like {v} | which things do|es {s} like
word | person | {s} prefer|s {v} | what do|es {s} prefer | what {s} prefer|s | do|es {s} prefer {v} | which one do|es {s} prefer
word | person | {s} hate|s {v} | what do|es {s} hate | what {s} hate|s | do|es {s} hate {v} | which thing do|es {s} hate
invented | person | {s} drive|s a {v} | what do|es {s} drive | what {s} drive|s | do|es {s} drive a {v} | which car do|es {s} drive
word | person | {s} play|s the {v} | what do|es {s} play | what {s} play|s | do|es {s} play the {v} | which instrument do|es {s} play
invented | person | {s} speak|s {v} | which language do|es {s} speak | which language {s} speak|s | do|es {s} speak {v} | what do|es {s} speak
word | person | {s} =be allergic to {v} | what =be {s} allergic to | what {s} =be allergic to | =be {s} allergic to {v} | to what =be {s} allergic
date | person | {s} =was born on {v} | when =was {s} born | when {s} =was born | =was {s} born on {v} | on which day =was {s} born
place | person | {s} =was born in {v} | where =was {s} born | where {s} =was born | =was {s} born in {v} | in which town =was {s} born
full_name | person | {s} =be married to {v} | who =be {s} married to | who {s} =be married to | =be {s} married to {v} | whom =be {s} married to
first_name | person | {s} report|s to {v} | who do|es {s} report to | who {s} report|s to | do|es {s} report to {v} | to whom do|es {s} report
code | person | {s} sit|s in room {v} | where do|es {s} sit | where {s} sit|s | do|es {s} sit in room {v} | in which room do|es {s} sit
word | person | {s} collect|s {v} | what do|es {s} collect | what {s} collect|s | do|es {s} collect {v} | which things do|es {s} collect
word | person | {s} study|studies {v} | what do|es {s} study | what {s} study|studies | do|es {s} study {v} | which subject do|es {s} study
word | person | {s} drink|s {v} | what do|es {s} drink | what {s} drink|s | do|es {s} drink {v} | which drink do|es {s} take
money | person | {s} owe|s {v} | how much do|es {s} owe | how much {s} owe|s | do|es {s} owe {v} | what amount do|es {s} owe
moment | person | {s} arrive|s on {v} | when do|es {s} arrive | when {s} arrive|s | do|es {s} arrive on {v} | at what time do|es {s} arrive
place | person | {s} travel|s to {v} | where do|es {s} travel | where {s} travel|s | do|es {s} travel to {v} | to which place do|es {s} travel
moment | event | {s} is on {v} | when is {s} | when {s} is | is {s} on {v} | on which day is {s}
moment | event | {s} starts at {v} | when does {s} start | when {s} starts | does {s} start at {v} | at what time does {s} start
measure | event | {s} takes {v} | how long does {s} take | how long {s} takes | does {s} take {v} | what time does {s} need
thing | object | {s} is in {v} | where is {s} | where {s} is | is {s} in {v} | in what place is {s}
thing | object | {s} is under {v} | where is {s} | where {s} is | is {s} under {v} | in what place is {s}
first_name | object | {s} belongs to {v} | who does {s} belong to | who {s} belongs to | does {s} belong to {v} | to whom does {s} belong
money | object | {s} costs {v} | how much does {s} cost | how much {s} costs | does {s} cost {v} | what do I pay for {s}
first_name | topic | {v} handles {s} | who handles {s} | who handles {s} | does {v} handle {s} | which person handles {s}
first_name | topic | {v} is responsible for {s} | who is responsible for {s} | who is responsible for {s} | is {v} responsible for {s} | which person is responsible for {s}
full_name | thing | {v} leads {s} | who leads {s} | who leads {s} | does {v} lead {s} | which person leads {s}
full_name | thing | {v} owns {s} | who owns {s} | who owns {s} | does {v} own {s} | which person owns {s}
full_name | thing | {v} built {s} | who built {s} | who built {s} | did {v} build {s} | which person built {s}
number | thing | {s} runs on port {v} | which port does {s} run on | which port {s} runs on | does {s} run on port {v} | on what port does {s} run
moment | thing | {s} opens at {v} | when does {s} open | when {s} opens | does {s} open at {v} | at what hour does {s} open
two_words | thing | {s} needs {v} | what does {s} need | what {s} needs | does {s} need {v} | which thing does {s} need
date | thing | {s} was founded on {v} | when was {s} founded | when {s} was founded | was {s} founded on {v} | on which day was {s} founded
place | thing | {s} is in {v} | where is {s} | where {s} is | is {s} in {v} | in which town is {s}
invented | thing | {s} depends on {v} | what does {s} depend on | what {s} depends on | does {s} depend on {v} | on what does {s} depend
"""

EVENTS = """the meeting|the party|the exam|the interview|the concert|the review|the launch|the training|the dinner|the trip|the
workshop|the audit|the call|the wedding|the match|the lesson|the release|the standup|the retrospective|the election"""
OBJECTS = """the key|the spare key|the ladder|the projector|the red folder|the blue bag|the passport|the hammer|the camera|the
umbrella|the map|the parcel|the old laptop|the medicine|the black suitcase|the charger|the drill|the coffee machine|the lamp"""

_PERSONS = {  # auxiliary of the first, the second and the third person
    "=be": ("am", "are", "is"), "=was": ("was", "were", "was")}


@dataclass(frozen=True)
class Relation:
    name: str
    value_kind: str
    subject_kind: str
    told: str
    asked: str
    clause: str
    checked: str
    asked_otherwise: str

    def form(self, which: str, person: int, subject: str, value: str = "") -> str:
        """The template named `which` in the first (0), second (1) or third (2) person."""
        return self.filled(getattr(self, which), person, subject, value)

    def filled(self, template: str, person: int, subject: str, value: str = "") -> str:
        """{s} is the subject, {o} the same as an object, {v} the value."""
        words = []
        for word in template.split(" "):
            if word in _PERSONS:
                word = _PERSONS[word][person]
            elif "|" in word:
                stem, ending = word.split("|")
                third = ending if ending.startswith(stem[:-1]) else stem + ending
                word = third if person == 2 else stem
            words.append(word)
        text = " ".join(words)
        if subject == "I":
            text = text.replace("{s}'s", "my").replace("{o}", "me")
        return text.replace("{s}", subject).replace("{o}", subject).replace("{v}", value)


def _parse() -> tuple[Relation, ...]:
    relations = []
    for line in _TABLE.strip().splitlines():
        fields = [field.strip() for field in line.split(" | ")]
        relations.append(Relation(fields[2], *fields))
    return tuple(relations)


RELATIONS = _parse()
