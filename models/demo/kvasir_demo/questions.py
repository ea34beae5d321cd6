"""Trained questions for the facts of relations.py, in words other than those of the fact, and such made of any words.

A line for each relation, in its order: what its value is called, how its verb asks for it, and whole questions. In the
middle part {n} is a word for the value, or any other word: "in which {n} do|es {s} live" teaches that the verb tells
what is asked for, whatever stands between. Nothing that is held out is made (see trained()).
"""
from __future__ import annotations

import random
from functools import cache

from .blind import QUESTIONS as BLIND
from .english import any_word
from .phrases import lines
from .relations import RELATIONS, Relation

_MADE = 60  # of each relation, beside those written by hand
_TABLE = """
city|town|village|country|part of the world|address|quarter | in {w} {n} do|es {s} live / {w} {n} do|es {s} live in / {s} live|s in {w} {n} / what is the {n} {s} live|s in / what is the {n} where {s} live|s / tell me the {n} where {s} live|s | where is it that {s} live|s / where do|es {s} live now / {s} live|s where / where =be {s} living / where is {s}'s home / where do|es {s} have a home
firm|office|business|place|shop|employer | at {w} {n} do|es {s} work / {w} {n} do|es {s} work at / {s} work|s at {w} {n} / what is the {n} {s} work|s at / what is the {n} where {s} work|s | where is it that {s} work|s / where =be {s} working / {s} work|s where / who pays {o} / who employs {o} / who is {s}'s employer / for whom do|es {s} work
role|position|profession|capacity|function|kind of work | in {w} {n} do|es {s} work / as {w} {n} do|es {s} work / {w} {n} do|es {s} work in / what is the {n} {s} work|s in | as what do|es {s} work / what =be {s} working as / what kind of work do|es {s} do / what do|es {s} do at work / what is {s}'s profession / how do|es {s} earn money
kind of thing|stuff|thing|sort of thing | {w} {n} do|es {s} like / what is the {n} {s} like|s / what {n} is liked by {o} / {s} like|s {w} {n} | what is it that {s} like|s / what do|es {s} really like / what do|es {s} enjoy / what do|es {s} love / what pleases {o} / what makes {o} happy / {s} like|s what
thing|kind|sort|option|choice | {w} {n} do|es {s} prefer / what is the {n} {s} prefer|s / {s} prefer|s {w} {n} | what is it that {s} prefer|s / what would {s} choose / what do|es {s} like best / what is {s}'s preference / {s} prefer|s what / which do|es {s} prefer
kind of thing|stuff|sort of thing|things | {w} {n} do|es {s} hate / what is the {n} {s} hate|s / {s} hate|s {w} {n} | what is it that {s} hate|s / what do|es {s} dislike / what do|es {s} not like / what annoys {o} / {s} hate|s what / what do|es {s} really hate / what does not please {o}
model|vehicle|make|brand|kind of car|machine | {w} {n} do|es {s} drive / what is the {n} {s} drive|s / {s} drive|s {w} {n} / in {w} {n} do|es {s} drive | what is it that {s} drive|s / what =be {s} driving / {s} drive|s what / what is {s}'s car / what car do|es {s} drive / what kind of vehicle do|es {s} have
thing|kind of instrument|piece|sort of instrument | {w} {n} do|es {s} play / what is the {n} {s} play|s / {s} play|s {w} {n} / on {w} {n} do|es {s} play | what is it that {s} play|s / what =be {s} playing / {s} play|s what / what can {s} play / what instrument do|es {s} play / what is {s}'s instrument
tongue|foreign language|dialect|languages | {w} {n} do|es {s} speak / what is the {n} {s} speak|s / {s} speak|s {w} {n} / in {w} {n} do|es {s} speak | what is it that {s} speak|s / what language do|es {s} speak / {s} speak|s what / what can {s} speak / which language do|es {s} know / what is {s}'s language / what =be {s} speaking
food|stuff|thing|kind of thing|things|substance | to {w} {n} =be {s} allergic / {w} {n} =be {s} allergic to / what is the {n} {s} =be allergic to / {s} =be allergic to {w} {n} | what is it that {s} =be allergic to / what allergy do|es {s} have / {s} =be allergic to what / what must {s} avoid / against what =be {s} allergic / what makes {o} sick
date|birthday|month and day|date of birth | on {w} {n} =was {s} born / {w} {n} =was {s} born on / what is the {n} {s} =was born on / {s} =was born on {w} {n} | when is it that {s} =was born / {s} =was born when / since when do|es {s} live / on what date =was {s} born / when is {s}'s birthday / what is {s}'s date of birth / when did {s} come into the world
city|place|village|country|hospital|part of the world | in {w} {n} =was {s} born / {w} {n} =was {s} born in / what is the {n} {s} =was born in / {s} =was born in {w} {n} / what is the {n} where {s} =was born | where is it that {s} =was born / {s} =was born where / where do|es {s} come from / where =be {s} from / what is {s}'s place of birth / in what city =was {s} born
person|man|woman|partner|lady|one | to {w} {n} =be {s} married / {w} {n} =be {s} married to / what is the {n} {s} =be married to / {s} =be married to {w} {n} | who is it that {s} =be married to / to whom =be {s} married / {s} =be married to whom / who did {s} marry / whom did {s} marry / who is {s}'s wife / who is {s}'s husband / who is married to {o} / who has married {o}
person|manager|boss|one|superior|chief | to {w} {n} do|es {s} report / {w} {n} do|es {s} report to / what is the {n} {s} report|s to / {s} report|s to {w} {n} | who is it that {s} report|s to / whom do|es {s} report to / {s} report|s to whom / who is {s}'s boss / who is the boss of {o} / who is above {o} / to who do|es {s} report
office|place|part of the building|cell|number | in {w} {n} do|es {s} sit / {w} {n} do|es {s} sit in / what is the {n} {s} sit|s in / {s} sit|s in {w} {n} / what is the {n} where {s} sit|s | where is it that {s} sit|s / where =be {s} sitting / {s} sit|s where / what room do|es {s} sit in / what room =be {s} in / where is {s}'s office / what is {s}'s room
kind of thing|objects|items|stuff|sort of thing | {w} {n} do|es {s} collect / what is the {n} {s} collect|s / {s} collect|s {w} {n} | what is it that {s} collect|s / what =be {s} collecting / {s} collect|s what / what do|es {s} gather / what is in {s}'s collection / of what do|es {s} have a collection
field|topic|branch|course|area | {w} {n} do|es {s} study / what is the {n} {s} study|studies / {s} study|studies {w} {n} / in {w} {n} do|es {s} study | what =be {s} studying / {s} study|studies what / what do|es {s} learn / what field =be {s} in / what is {s}'s subject / what course do|es {s} take
beverage|thing|kind of drink|stuff|liquid | {w} {n} do|es {s} drink / what is the {n} {s} drink|s / {s} drink|s {w} {n} / {w} {n} do|es {s} have | what is it that {s} drink|s / what =be {s} drinking / {s} drink|s what / what is {s}'s drink / what do|es {s} like to drink / what can I pour for {o} / what do|es {s} take to drink / which kind of drink do|es {s} take
sum|money|debt|total|number | {w} {n} do|es {s} owe / what is the {n} {s} owe|s / {s} owe|s {w} {n} / of {w} {n} do|es {s} have a debt | how much is it that {s} owe|s / how much money do|es {s} owe / {s} owe|s how much / what do|es {s} owe / how large is {s}'s debt / how much must {s} pay back / what sum do|es {s} owe
day|date|hour|moment|day and time | on {w} {n} do|es {s} arrive / at {w} {n} do|es {s} arrive / {w} {n} do|es {s} arrive on / what is the {n} {s} arrive|s on / {s} arrive|s on {w} {n} | when is it that {s} arrive|s / when will {s} arrive / {s} arrive|s when / when do|es {s} come / when =be {s} arriving / when do|es {s} get here / what time do|es {s} arrive / when will {s} be here
city|town|country|part of the world|spot|village | to {w} {n} do|es {s} travel / {w} {n} do|es {s} travel to / what is the {n} {s} travel|s to / {s} travel|s to {w} {n} | where is it that {s} travel|s to / where =be {s} travelling / {s} travel|s where / where do|es {s} go / where =be {s} going / what is {s}'s destination / to what place do|es {s} travel / where will {s} travel
date|weekday|time|moment|hour | on {w} {n} is {s} / {w} {n} is {s} on / what is the {n} {s} is on / {s} is on {w} {n} / at {w} {n} is {s} | when is it that {s} is / {s} is when / when will {s} be / when does {s} take place / on what day is {s} / when do we have {s} / what day is {s} / when will {s} take place
hour|moment|minute|day|clock time | at {w} {n} does {s} start / {w} {n} does {s} start / what is the {n} {s} starts at / {s} starts at {w} {n} / on {w} {n} does {s} start | when is it that {s} starts / when will {s} start / {s} starts when / when does {s} begin / at what hour does {s} begin / what time does {s} start / when do we start {s} / at what time does {s} begin / when is the start of {s}
amount of time|length|duration|number of hours|space of time | {w} {n} does {s} take / what is the {n} {s} takes / {s} takes {w} {n} / {w} {n} is needed for {s} | how long is {s} / how long does {s} need / how many hours does {s} need / how long will {s} take / how long does {s} last / {s} takes how long / how much time does {s} need / what is the length of {s} / how much time is needed for {s} / how long will {s} be / what time is needed for {s}
spot|room|location|corner|part of the house|building | in {w} {n} is {s} / {w} {n} is {s} in / what is the {n} {s} is in / {s} is in {w} {n} / at {w} {n} is {s} / what is the {n} where {s} is | where is it that {s} is / {s} is where / where do I find {s} / where did they put {s} / where is {s} kept / in what room is {s} / where do we keep {s} / where does {s} lie / in which place is {s} / at what place is {s}
spot|thing|location|corner|object | under {w} {n} is {s} / {w} {n} is {s} under / what is the {n} {s} is under / {s} is under {w} {n} / in {w} {n} is {s} / at {w} {n} is {s} | where is it that {s} is / {s} is where / where do I find {s} / under what is {s} / where is {s} kept / where do we keep {s} / where does {s} lie / in which place is {s} / at what place is {s}
person|man|woman|one|owner|colleague | to {w} {n} does {s} belong / {w} {n} does {s} belong to / what is the {n} {s} belongs to / {s} belongs to {w} {n} | who is it that {s} belongs to / whom does {s} belong to / {s} belongs to whom / who owns {s} / who is the owner of {s} / who has {s} / to who does {s} belong / whose is it, {s} / of whom is {s}
price|sum|amount|money|number | {w} {n} does {s} cost / what is the {n} {s} costs / {s} costs {w} {n} / {w} {n} do I pay for {s} / {w} {n} must I pay for {s} / for {w} {n} is {s} sold | how much is {s} / how much do I pay for {s} / what does {s} cost / {s} costs how much / how much money is {s} / what do they want for {s} / what is the price of {s} / what must I pay for {s} / how much must we pay for {s} / what would I pay for {s} / how expensive is {s}
colleague|one|team member|man|woman|employee | {w} {n} handles {s} / {w} {n} does {s} / by {w} {n} is {s} handled / {s} is handled by {w} {n} | who is it that handles {s} / who is handling {s} / who does {s} / who is in charge of {s} / by whom is {s} handled / who deals with {s} / whom do I ask about {s} / what person handles {s}
colleague|one|team member|man|woman|employee | {w} {n} is responsible for {s} / by {w} {n} is {s} done / {w} {n} is the one for {s} | who is it that is responsible for {s} / who bears the responsibility for {s} / who is in charge of {s} / who answers for {s} / whose responsibility is {s} / what person is responsible for {s} / whom do I ask about {s}
one|man|woman|manager|leader|colleague | {w} {n} leads {s} / by {w} {n} is {s} led / {s} is led by {w} {n} / what is the {n} that leads {s} | who is it that leads {s} / who is leading {s} / who is the leader of {s} / by whom is {s} led / who runs {s} / who directs {s} / what person leads {s} / who is the boss of {s} / who heads {s}
one|man|woman|owner|company|colleague | {w} {n} owns {s} / by {w} {n} is {s} owned / {s} is owned by {w} {n} / what is the {n} that owns {s} | who is it that owns {s} / who is the owner of {s} / by whom is {s} owned / whose is {s} / who possesses {s} / what person owns {s} / who has bought {s} / who does {s} belong to
one|man|woman|builder|company|engineer | {w} {n} built {s} / by {w} {n} was {s} built / {s} was built by {w} {n} / what is the {n} that built {s} | who is it that built {s} / who has built {s} / who is the builder of {s} / by whom was {s} built / who made {s} / who constructed {s} / what person built {s}
number|socket|network port|TCP port|door | on {w} {n} does {s} run / {w} {n} does {s} run on / what is the {n} {s} runs on / {s} runs on {w} {n} / at {w} {n} does {s} run | what port does {s} run on / on which port does {s} run / {s} runs on what port / where does {s} run / what is the port of {s} / on which port can I reach {s} / which port is {s} on / what port does {s} use / on which port does {s} listen
time|moment|day|clock time|minute | at {w} {n} does {s} open / {w} {n} does {s} open / what is the {n} {s} opens at / {s} opens at {w} {n} / on {w} {n} does {s} open | when is it that {s} opens / when will {s} open / {s} opens when / when can I go to {s} / at what time does {s} open / what time does {s} open / since when is {s} open / when do they open {s}
item|part|material|object|resource|stuff | {w} {n} does {s} need / what is the {n} {s} needs / {s} needs {w} {n} / of {w} {n} does {s} have need | what will {s} need / {s} needs what / what is needed by {s} / what do we need for {s} / what does {s} lack / what must we get for {s} / what does {s} require / what is missing at {s}
date|year|month|weekday|date in history | on {w} {n} was {s} founded / {w} {n} was {s} founded on / what is the {n} {s} was founded on / {s} was founded on {w} {n} | when is it that {s} was founded / {s} was founded when / on what date was {s} founded / since when does {s} exist / when did they found {s} / when did {s} start / how old is {s} / when did {s} come into being
city|place|village|country|location|part of the world | in {w} {n} is {s} / {w} {n} is {s} in / what is the {n} {s} is in / {s} is in {w} {n} / what is the {n} where {s} is / at {w} {n} is {s} | where is it that {s} is / {s} is where / where do I find {s} / where is {s} located / where does {s} lie / in what city is {s} / where is {s} to be found / in what town is {s} / where was {s} built
thing|service|system|program|part | on {w} {n} does {s} depend / {w} {n} does {s} depend on / what is the {n} {s} depends on / {s} depends on {w} {n} | what is it {s} depends on / {s} depends on what / on which thing does {s} depend / what does {s} rely on / on what does {s} rely / upon what does {s} depend / without what does {s} not work
"""


def _core(question: str) -> str:
    return question.replace("do|es", "do").replace("what", "which")


def _made(rng: random.Random, frames: list[str], names: list[str]) -> str:
    name = rng.choice(names) if rng.random() < 0.6 else any_word(rng)
    return rng.choice(frames).replace("{w}", rng.choice(("which", "what"))).replace("{n}", name)


@cache
def trained() -> dict[Relation, tuple[str, ...]]:
    """The questions of each relation; the plain one is a third of them."""
    rng = random.Random(21)
    result: dict[Relation, tuple[str, ...]] = {}
    for relation, line, blind in zip(RELATIONS, _TABLE.strip().splitlines(), BLIND, strict=True):
        names, frames, whole = line.split(" | ")
        by_hand = [question.strip() for question in whole.split(" / ")]
        made = [_made(rng, frames.split(" / "), names.split("|")) for _ in range(_MADE)]
        kept_out = {_core(relation.asked_otherwise), _core(blind)}
        others = [question for question in by_hand * max(1, _MADE // len(by_hand)) + made if _core(question) not in kept_out]
        result[relation] = (*others, *(relation.asked,) * (len(others) // 2))
    return result


def of_book(relation: Relation, book: str) -> tuple[str, ...]:
    """How the questions of a phrase book ask for a relation's value."""
    if book == "held out":
        return (relation.asked_otherwise,)
    if book == "blind":
        return (BLIND[RELATIONS.index(relation)],)
    return trained()[relation]
