"""Turns of phrase, questions and tools written once, before the last training and beside HELD_OUT: nobody tuned against them.

The training never makes them (grammar.without), and what a model gets wrong of them is not read before its weights are final.
"""
from __future__ import annotations

from .phrases import Phrases, lines

BLIND = Phrases(
    book="blind",
    tell=lines("""
        the latest I have is that {t} is {v}
        word has it that {t} is {v}
        {t}, by the way, is {v}
        we went with {v} as {t}
        they settled on {v} as {t}
        rest assured that {t} is {v}
        a little bird told me that {t} is {v}
        be so good as to note that {t} is {v}
        I double-checked, and {t} is {v}
        nobody disputes that {t} is {v}"""),
    tell_openings=("",) * 6 + ("Psst, ", "Right then, ", "Just a thought: ", "Something else: ", "For good measure, "),
    tell_closings=("",) * 6 + (" Mark my words.", " Tuck that away.", " I may come back to it."),
    change=lines("""
        On second thought, {t} is {v}.
        It came to light that {t} is {v} now.
        I stand corrected: {t} is {v}.
        Ignore the earlier one; {t} is {v}.
        After the last meeting {t} is {v}.
        {T} has since become {v}."""),
    ask_name=lines("""
        could you give me a hint what {a} is?
        what would {a} be?
        what have we got for {a}?
        do you happen to know what {a} is?
        which was {a}?
        what does it say for {a}?
        I would be grateful to learn {a}."""),
    ask_any=lines("""
        any chance you remember {a}?
        it slipped my mind: {a}?
        I'd be glad if you told me {a}.
        does your memory hold {a}?
        help me remember {a}."""),
    ask_openings=("",) * 6 + ("Excuse me, ", "While we are at it: ", "Out of curiosity: ", "Between us: "),
    ask_closings=("",) * 6 + (" No rush.", " I'm in a hurry.", " Just the essentials."),
    check=lines("""
        Could you double-check that {a} is {v}?
        I have it that {a} is {v}. Does that agree with what you have?
        So {a} is {v}, then?
        Your records show that {a} is {v}, do they not?
        Tell me honestly: is {a} {v}?"""),
    previous=lines("""
        What did {a} use to be?
        Until recently, what was {a}?"""),
    who_told=lines("""
        Who passed on {a} to you?
        Who made you aware of {a}?"""),
    about=lines("""
        What have you got in store about {a}?
        Fill me in on {a}."""),
    summary=lines("""
        Walk me through all that you know.
        What has stuck with you so far?"""),
    read=lines("""
        I am pasting something long:
        These are my jottings from today:
        Please go through this page."""),
    message=lines("""
        {p} dropped you a line: {m}
        Passing this on from {p}: {m}"""),
    who_said=lines("""
        What were {p}'s words?
        What has {p} been telling you?"""),
    draft=lines("""
        Put together a message for {p} about {a}.
        Pass {a} on to {p}."""),
)

# The question of each relation of relations.py, in its order.
QUESTIONS = lines("""
    what place do|es {s} call home
    who do|es {s} work for
    what do|es {s} do for a living
    what =be {s} fond of
    what would {s} rather have
    what can {s} not stand
    what kind of car do|es {s} drive around in
    what do|es {s} play in the evenings
    in what language do|es {s} talk
    which thing =be {s} allergic to
    what is the date on which {s} =was born
    what is the name of the town where {s} =was born
    what is the name of the person that {s} =be married to
    what is the name of the person that {s} report|s to
    which is the room that {s} sit|s in
    what sort of things do|es {s} collect
    what is it that {s} study|studies
    what is it that {s} drink|s
    how large is the sum that {s} owe|s
    when can we expect {o} to arrive
    what is the place that {s} travel|s to
    for when is {s} planned
    what is the hour at which {s} starts
    how much time does {s} take
    where can I find {s}
    where should I look for {s}
    whose is {s}
    what is {s} sold for
    who takes care of {s}
    who is the one responsible for {s}
    who is at the head of {s}
    to whom does {s} belong
    who was it that built {s}
    what port is {s} on
    from when on is {s} open
    what is it that {s} needs
    in what year and on what day was {s} founded
    what is the town that {s} is in
    what is it that {s} depends on
""")

TOOLS = """
get_tide_times | Get the times of high tide at a harbour. | harbour:place | When is high tide in {harbour}? / Tide times for {harbour}, please. | tide
renew_loan | Renew the loan of a library book. | book:two_words | Renew {book} for me. / Can I keep the library book {book} longer? | due
check_visa | Check whether a visa is needed for a country. | country:invented | Do I need a visa for {country}? / Visa rules for {country}? | answer
water_plants | Water the plants in a room. | room:word minutes:number | Water the plants in {room} for {minutes} minutes. / Give the plants in {room} some water, {minutes} minutes. | status
resolve_name | Resolve the name of a host to its address. | host:invented | What is the address of the host {host}? / Resolve {host}. | address
cancel_booking | Cancel a booking. | booking:code | Cancel my booking {booking}. / I no longer need booking {booking}, cancel it. | status
get_fuel_price | Get the price of fuel in a town. | town:place | How much is fuel in {town}? / Fuel price in {town}? | price
"""
GENERIC = ("Kindly {verb} the {noun} now, {args}.", "Off you go and {verb} the {noun} for {args}.", "Somebody should {verb} the {noun}: {args}.")
NOUNS = "blueprint manifest rota docket sprinkler syllabus turnstile hammock".split()
