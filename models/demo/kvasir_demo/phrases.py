"""Turns of phrase for telling and asking: {t} what is told ("my code"), {a} what is asked, {v} the value.

Capital {T}, {A} begin a sentence. A conversation takes its phrases from one Phrases object: what is trained on, or
what is held out, so that the evaluation asks in words that the model has never seen.
"""
from __future__ import annotations

from dataclasses import dataclass


def lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


@dataclass(frozen=True)
class Phrases:
    tell: tuple[str, ...]         # of facts with a name ("the code of the mill")
    tell_openings: tuple[str, ...]
    tell_closings: tuple[str, ...]
    change: tuple[str, ...]
    ask_name: tuple[str, ...]     # {a} can only be a name
    ask_any: tuple[str, ...]      # {a} can be a name or a clause ("where Ada lives")
    ask_openings: tuple[str, ...]
    ask_closings: tuple[str, ...]
    check: tuple[str, ...]
    previous: tuple[str, ...]
    who_told: tuple[str, ...]
    about: tuple[str, ...]
    summary: tuple[str, ...]
    read: tuple[str, ...]
    message: tuple[str, ...]      # {p} the sender, {m} the message
    who_said: tuple[str, ...]
    draft: tuple[str, ...]
    book: str = "trained"         # or "held out", or "blind": never trained on


TRAINED = Phrases(
    tell=lines("""
        {t} is {v}
        {t} is {v}
        {t} is {v}
        {t} is {v}
        {t} is: {v}
        {t} = {v}
        {t}: {v}
        {v} is {t}
        remember that {t} is {v}
        remember that {t} is {v}
        please remember that {t} is {v}
        remember {t}: {v}
        note that {t} is {v}
        write down that {t} is {v}
        keep in mind that {t} is {v}
        do not forget that {t} is {v}
        don't forget: {t} is {v}
        you should know that {t} is {v}
        I want you to know that {t} is {v}
        I would like you to remember that {t} is {v}
        let me tell you that {t} is {v}
        I can tell you that {t} is {v}
        I heard that {t} is {v}
        we decided that {t} is {v}
        we agreed that {t} will be {v}
        we use {v} as {t}
        we chose {v} as {t}
        I set {t} to {v}
        I picked {v} for {t}
        {t} was set to {v}
        {t} has been set to {v}
        {t} will be {v}
        {t} should be {v}
        {t} has to be {v}
        for {t} we have {v}
        they gave me {v} as {t}
        save {v} as {t}
        store this: {t} is {v}
        learn that {t} is {v}
        it is important that {t} is {v}
        if anybody asks, {t} is {v}
        {t} is {v} at the moment
        {t} is {v} for now
        {t} is {v}, as you know
        {t} is {v} this week
        {t} is {v}, I think
        {t} is still {v}
        use {v} for {t}"""),
    tell_openings=("",) * 24 + (
        "By the way, ", "FYI, ", "FYI: ", "Hey, ", "One more thing: ", "Before I forget: ", "Note: ", "For the record, ",
        "Please remember: ", "Remember: ", "Just so you know, ", "Important: ", "For your notes, ", "Also, ", "And ", "So, ",
        "Listen, ", "OK, ", "Next: ", "Another fact: ", "Here is something new: ", "To be clear, ", "As you may know, ",
        "Good news: ", "Fact: ", "Now, ", "Well, "),
    tell_closings=("",) * 24 + (" Remember it.", " Please remember that.", " Keep it in mind.", " Got it?", " OK?",
                                " Thanks.", " Please note it.", " Do not lose it.", " That is important.", " Don't forget.",
                                " You will need it later.", " I will ask you later."),
    change=lines("""
        Actually, {t} is now {v}.
        Actually, {t} is {v}.
        Correction: {t} is {v}.
        {T} has changed to {v}.
        {T} changed: it is {v} now.
        Update: {t} is {v} now.
        Sorry, I was wrong: {t} is {v}.
        I made a mistake. {T} is {v}.
        No, {t} is {v}.
        From now on {t} is {v}.
        {T} is no longer the same. It is {v}.
        {T} is now {v}.
        We changed {t} to {v}.
        Please update {t} to {v}.
        Change {t} to {v}.
        Forget what I said about {t}. It is {v}.
        New information: {t} is {v}.
        {T} is {v} now, please update your notes.
        {T} is {v} at the moment.
        {T} is {v} again.
        Today {t} is {v}, not what I said.
        It is different now: {t} is {v} for the time being.
        {T} is {v} this year.
        {T} is {v} from Monday on.
        That was wrong. {T} is {v}.
        As of today, {t} is {v}.
        {T} moved to {v}.
        Wait, {t} is {v}.
        Remember that {t} is {v}.
        {T} is {v}."""),
    ask_name=lines("""
        what is {a}?
        what is {a}?
        what is {a}?
        what is {a}?
        what's {a}?
        what was {a}?
        what was {a} again?
        what is {a} again?
        what is {a} now?
        which one is {a}?
        what did I say {a} is?
        what have you noted for {a}?
        what do you have for {a}?
        {a}?
        {a}, please.
        give me {a}.
        I need {a}.
        name {a}.
        look up {a}.
        do you have {a}?
        what is the current value of {a}?
        what do we use as {a}?
        what should I use as {a}?
        and what about {a}?
        what of {a}?
        and {a}?
        what is {a} meant to be?
        what should {a} be?
        do you have an idea what {a} is?"""),
    ask_any=lines("""
        do you remember {a}?
        do you remember {a}?
        do you know {a}?
        can you tell me {a}?
        could you tell me {a}?
        can you remember {a}?
        tell me {a}.
        please tell me {a}.
        remind me of {a}.
        I forgot {a}.
        I have forgotten {a}. Can you help me?
        I do not remember {a}. Do you?
        I want to know {a}.
        I would like to know {a}.
        do you still know {a}?
        have I told you {a}?
        did I tell you {a}?
        say {a}.
        check your notes: do you know {a}?"""),
    ask_openings=("",) * 30 + (
        "Hey, ", "So, ", "Quick question: ", "One question: ", "Now, ", "And ", "Please: ", "Question: ", "Tell me: ",
        "Let me see, ", "Sorry, ", "OK, ", "I am curious: ", "Let me test you: ", "Before we go on: ", "Next question: "),
    ask_closings=("",) * 30 + (" Thanks.", " Please.", " Answer briefly.", " I forgot.", " It is urgent.", " Be precise."),
    check=lines("""
        Is {a} {v}?
        Is {a} {v}?
        Am I right that {a} is {v}?
        Is it true that {a} is {v}?
        Is it correct that {a} is {v}?
        {A} is {v}, right?
        {A} is {v}, isn't it?
        Do I remember correctly that {a} is {v}?
        I think {a} is {v}. Is that right?
        Can you confirm that {a} is {v}?
        Please check: is {a} {v}?
        Did I say that {a} is {v}?
        Yes or no: is {a} {v}?
        Is {v} {a}?
        Somebody says that {a} is {v}. Is that true?"""),
    previous=lines("""
        What was {a} before?
        What was {a} before that?
        What was {a} before the change?
        What was the old value of {a}?
        And before that, what was {a}?
        What was {a} previously?"""),
    who_told=lines("""
        Who told you {a}?
        Who said what {a} is?
        From whom do you know {a}?
        How do you know {a}?
        Where do you know {a} from?
        Who gave you {a}?"""),
    about=lines("""
        What do you know about {a}?
        Tell me about {a}.
        Tell me everything about {a}.
        What have you heard about {a}?
        What did I tell you about {a}?
        List what you know about {a}.
        Summarise what you know about {a}.
        Do you know anything about {a}?"""),
    summary=lines("""
        What do you know?
        What did I tell you?
        What have I told you so far?
        Summarise what I told you.
        Summarise what you know.
        Give me a summary.
        What did you learn?
        What have you learned so far?
        List everything you know.
        List your notes.
        What do you remember?
        Write a short status update.
        Tell me what you remember.
        Show me your notes.
        Summarize what I told you."""),
    read=lines("""
        Read this:
        Here is a document.
        Please read:
        New report:
        Read the following text.
        Here is some text for you:
        Please read this carefully:
        This is the latest report.
        From the archive:
        Minutes of the meeting:
        Document:
        Read this and remember it:"""),
    message=lines("""
        Message from {p}: {m}
        Message from {p}: {m}
        {p} says: {m}
        {p} writes: {m}
        From {p}: {m}
        [{p}] {m}
        {p}: {m}
        I have a message from {p} for you: {m}
        {p} asked me to tell you this: {m}
        Note from {p}: {m}
        {p} told me: {m}
        {p} sends you this message: {m}"""),
    who_said=lines("""
        What did {p} say?
        What did {p} tell you?
        What did {p} write?
        What was the message from {p}?
        What was {p}'s message?
        Did {p} write anything?
        Is there a message from {p}?
        Repeat the message from {p}.
        What is the latest from {p}?"""),
    draft=lines("""
        Write a note to {p} about {a}.
        Write a message to {p} with {a}.
        Draft a message to {p}: tell them {a}.
        Please tell {p} {a}.
        Send {a} to {p}."""),
)

HELD_OUT = Phrases(
    book="held out",
    tell=lines("""
        it turns out that {t} is {v}
        everyone here agrees that {t} is {v}
        I was informed that {t} is {v}
        please put on file that {t} is {v}
        jot down that {t} is {v}
        my notes say that {t} is {v}
        somebody just confirmed that {t} is {v}
        {v} has been picked as {t}
        as far as I can see, {t} is {v}
        make sure you memorise that {t} is {v}
        the board announced that {t} is {v}
        take note, {t} is {v}
        it was settled yesterday that {t} is {v}
        {t} happens to be {v}"""),
    tell_openings=("",) * 6 + ("Oh, ", "Fun fact: ", "For later: ", "Another detail: ", "Heads up: "),
    tell_closings=("",) * 6 + (" Hold on to that.", " It will come up again.", " Store it safely."),
    change=lines("""
        Small fix: {t} is in fact {v}.
        I have to revise that: {t} is {v} these days.
        Scratch that, {t} is {v} instead.
        There was a typo in my note, {t} is really {v}.
        Since this morning {t} is {v}.
        They replaced it: {t} is {v}.
        Plans changed, so {t} is {v}."""),
    ask_name=lines("""
        any idea what {a} is?
        what is {a} supposed to be?
        what value belongs to {a}?
        what should I write down as {a}?
        let me hear {a}.
        what is {a}, according to your notes?
        somebody wants to know what {a} is.
        how about {a}?
        what exactly is {a}?"""),
    ask_any=lines("""
        would you mind telling me {a}?
        I can't recall {a}. Help me out.
        refresh my memory: {a}?
        are you able to recall {a}?
        my colleague keeps asking me {a}.
        it would be great to hear {a}."""),
    ask_openings=("",) * 6 + ("Say, ", "By the way: ", "Sorry to bother you: ", "Here is one for you: "),
    ask_closings=("",) * 6 + (" It matters.", " Take your time.", " One short sentence will do."),
    check=lines("""
        Would you say that {a} is {v}?
        My colleague claims that {a} is {v}. Correct?
        Just to be sure: {a} is {v}?
        Would it be right to write that {a} is {v}?
        True or false: {a} is {v}."""),
    previous=lines("""
        What used to be {a}?
        Which value did {a} have earlier?"""),
    who_told=lines("""
        Who is your source for {a}?
        Who let you know {a}?"""),
    about=lines("""
        What facts do you have on {a}?
        Brief me on {a}."""),
    summary=lines("""
        Recap everything for me.
        Go over what you have learned from me."""),
    read=lines("""
        Have a look at this:
        Here comes a longer text.
        Study the following notes."""),
    message=lines("""
        {p} left this for you: {m}
        Incoming note by {p}: {m}"""),
    who_said=lines("""
        What did you hear from {p}?
        What does {p} want you to know?"""),
    draft=lines("""
        Compose a line for {p} about {a}.
        Let {p} know {a}."""),
)
