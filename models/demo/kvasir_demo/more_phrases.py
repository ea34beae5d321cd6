"""More trained phrases of the rarer kinds; the slots are those of phrases.py."""
from __future__ import annotations

from .phrases import lines

PREVIOUS = lines("""
    What was {a} earlier?
    What was {a} in the past?
    What was {a} before you updated it?
    What was {a} until then?
    What was {a} the last time?
    What was the value of {a} before?
    What was {a} at first?
    Which one was {a} before?
    Tell me the old value of {a}.
    Tell me what {a} was before.
    Do you remember what {a} was before?
    What did we have as {a} before?
    Which value had {a} earlier?
    Which value did we have for {a} before?
    Which one did {a} have before?
    What was the earlier value of {a}?
    Tell me what {a} used to be.
    What value was there for {a} before?""")
WHO_TOLD = lines("""
    Who said {a}?
    Who was it that told you {a}?
    Who mentioned {a}?
    Who informed you about {a}?
    Where did you learn {a}?
    Where did you hear {a}?
    Where did you read {a}?
    How did you learn {a}?
    From where do you know {a}?
    From whom did you hear {a}?
    Who has told you {a}?
    Tell me who told you {a}.
    Do you know who told you {a}?
    Which person told you {a}?""")
ABOUT = lines("""
    What do you remember about {a}?
    What have you noted about {a}?
    What have I told you about {a}?
    What can you tell me about {a}?
    What did you learn about {a}?
    What is known about {a}?
    What is there to know about {a}?
    What are the facts about {a}?
    What do your notes say about {a}?
    Give me everything about {a}.
    Give me the facts about {a}.
    Give me your notes on {a}.
    Show me what you have on {a}.
    Tell me all about {a}.
    Tell me all you know about {a}.
    Tell me what you know about {a}.
    Report on {a}.
    Describe {a}.
    Say something about {a}.
    Have you heard anything about {a}?
    Is there anything about {a}?
    All about {a}, please.
    I want to know everything about {a}.
    I need all facts about {a}.
    Sum up {a}.
    What information do you have on {a}?
    Your notes about {a}?""")
SUMMARY = lines("""
    What have you noted?
    What do you have in your notes?
    What is in your notes?
    What is in your memory?
    What have you stored?
    Tell me everything you know.
    Tell me all you know.
    Say what you know.
    Sum up what I said.
    Sum everything up.
    Summarise everything.
    Summarise our conversation.
    Give me an overview.
    Give me a list of what you know.
    Repeat what I told you.
    Repeat everything.
    List what I told you.
    List all facts.
    Which facts do you know?
    What facts have you stored?
    Report what you know.
    A summary, please.
    Show me what you know.
    Write a summary of what I told you.
    Recap.
    Recap what I told you.
    Recap all facts, please.
    Go through your notes.
    Go over your notes.
    Go through everything that you know.
    Review what you have learned.
    Run through all facts.
    Tell me everything once more.
    Go back over what I said.""")
READ = lines("""
    Read what follows.
    Look at this text:
    Please look at this document.
    I have a text for you.
    Here is a report.
    Here are some notes.
    This is a note from the archive:
    Take this text:
    A document for you:
    Text:
    Notes:
    Please remember this text:
    Log of today:
    See this:""")
MESSAGE = lines("""
    Here is a message from {p}: {m}
    You have a message from {p}: {m}
    There is a message from {p}: {m}
    New message from {p}: {m}
    Mail from {p}: {m}
    {p} wrote this: {m}
    {p} wrote to you: {m}
    {p} has a message for you: {m}
    {p} wants me to tell you: {m}
    {p} reports: {m}
    {p} sent this: {m}
    {p} just wrote: {m}
    A note from {p}: {m}
    A word from {p}: {m}
    Message by {p}: {m}
    This comes from {p}: {m}
    This was sent by {p}: {m}
    Agent {p} says: {m}""")
WHO_SAID = lines("""
    What does {p} say?
    What has {p} told you?
    What has {p} said?
    What has {p} written?
    What was {p} saying?
    What is {p}'s message?
    What is the message from {p}?
    What news is there from {p}?
    What do you know from {p}?
    What did {p} send you?
    What did {p} report?
    What did {p} want?
    Did {p} say anything?
    Did you get a message from {p}?
    Do you have a message from {p}?
    Have you got anything from {p}?
    Tell me what {p} said.
    Tell me the message from {p}.
    Show me the message from {p}.
    Read me the message from {p}.
    Anything new from {p}?
    Any message from {p}?
    What does {p} have to say?
    What did {p} want to tell you?
    What does {p} want us to hear?
    What would {p} like to say?
    What have you heard from {p}?
    What do you hear from {p}?
    What is {p} telling you?
    What should we know from {p}?""")
DRAFT = lines("""
    Write to {p} about {a}.
    Write {p} a message about {a}.
    Write a line to {p} about {a}.
    Write a letter to {p} with {a}.
    Draft a note for {p} about {a}.
    Draft a line to {p} with {a}.
    Send {p} a note about {a}.
    Send {p} {a}.
    Tell {p} {a}.
    Please inform {p} about {a}.
    Please write to {p} about {a}.
    Prepare a message to {p} about {a}.
    Make a note for {p} about {a}.
    Inform {p} of {a}.
    Make sure that {p} knows {a}.
    Let {p} hear {a}.
    {p} should learn {a}.
    Compose a note to {p} with {a}.
    Prepare a line for {p} on {a}.""")
