"""Pieces that turns of phrase are made of (grammar.py), each list separated by bars; an empty piece is none."""
from __future__ import annotations


def alternatives(text: str) -> tuple[str, ...]:
    return tuple(part.strip(" \n") for part in text.replace("\n", " ").split("|"))


POLITE = alternatives("""|||||please|can you|could you|will you|would you please|could you please|can you please|kindly|I need you to
|I want you to|I'd like you to|I would like you to|you should|you could|try to|go ahead and|now|do|is it possible for you to|be so kind and
|be a friend and|I must ask you to|do me a favour and|help me and|I ask you to|it is time to|let us|we have to|you must|you may|just
|can't you|couldn't you|why don't you|I expect you to|I hope you can|if you can,|when you have time,|for the last time,|once more,""")
SAY = alternatives("""tell me|tell us|tell me|say|name|repeat|give me|give us|show me|show us|write|write me|look up|find|find out|check
|recite|state|read out|read me|get me|bring me|fetch|explain|report|spell|mention|share|print|send me|let me know|let us know|let me see|let us hear|let me have|let me read
|remind me of|remind us of|inform me of|inform us about|pass me|pull up|try to recall|bring up|search your memory for|search your notes for
|think of|remember|call up|retrieve|output|display|provide|supply|hand me|reveal|announce|point out|quote|present|return|answer me""")
WANT = alternatives("""I need|I need to know|I have to know|I must know|we need to know|we want to know|I should know|I wish I knew
|I'd love to know|I would love to know|I am looking for|I'm looking for|I am asking for|I'm asking about|I am interested in|I'm searching for
|I lost|I have lost|I can't remember|I cannot remember|I can not remember|I no longer know|I don't know|I am not sure about|I'm unsure about
|nobody here knows|everybody forgot|we forgot|I keep forgetting|my boss wants to know|my friend asks for|a customer asks for
|they asked me for|someone asked me for|people ask me about|she wants to know|he wants to know|they want to know|the others need
|I am missing|what I need is|what I want is|the question is|my question is|I was wondering about|jog my memory:|help my memory:|one look at the notes:|it would help to know|it would be nice to know|it would be good to learn|I'd appreciate|do you mind saying|would you mind repeating|would you mind naming|people keep asking for|my boss always asks me|the others ask me|I wonder about|I am trying to remember
|I try to remember|I'd like to hear|I want to hear|I hope you know|you surely know|you must know|you should know|the form asks for
|the next field is|I am writing down|I would like to have|it is about|this is about|we are talking about|I have a question about""")
KNOW = alternatives("""do you know|do you still know|do you remember|do you still remember|do you recall|can you recall|do you have|have you got
|have you stored|have you saved|did you note|did you keep|did I mention|did I say|did I ever tell you|did anyone tell you|have you heard
|has anybody told you|have I ever told you|who knows|does anybody know|does anyone remember|do we know|do we have|is there a note about
|is there an entry for|what about|and what about|can you find|can you see|could you find|could you remember|would you know|might you know
|would you remember|did you write down|did you save|did somebody tell you|were you told|have you been told|have you learned|did you learn
|can you think of|could I have|can I have|may I have|can I get|could I get|can I hear|may I ask for|can I ask you for""")
ADVERBS = alternatives("""again|now|today|currently|at the moment|these days|right now|really|actually|then|anyway|please|by now|for us|in the end
|at present|once more|this time|here|at last|after all|nowadays|lately|for me|in short""")
NOUNS = alternatives("value|thing|one|entry|word|name|number|item|text|term|note|answer|detail|information|setting|choice")
DO = alternatives("""do you have as|do you have for|do you have under|have you noted as|have you stored as|do I need as|do I use as|do I take as
|do I enter as|do I type as|do I write as|do I put for|did we choose as|did we pick as|did we set as|did we use for|did they choose as
|did they give us as|did you note as|did you note for|did you write for|did I choose as|did I give you as|did I set as|was chosen as
|was set as|was given as|has been chosen as|has been set as|has been noted for|is written down as|is stored as|is stored for|is noted under
|is known as|shall I use for|shall I put as|should we use as|must I enter as|goes in as|stands for|are we using as|are we using for""")

SUBJECTS = alternatives("""I|I|we|they|everyone|everybody|somebody|someone|my boss|my friend|the team|the report|the list|the letter|the sign
|the manual|our records|people|all of us|my brother|the office|the teacher|a colleague|he|she|the newspaper|the memo|the message|the client
|the manager|the mail|it|the plan|the contract|the label|the form|the screen|our boss|the committee|the new list|the others""")
CLAIM = alternatives("""said|told me|think|thinks|thought|believe|believes|know|knows|found out|learned|heard|read|noticed|saw|decided|agreed
|confirmed|wrote|explained|reported|mentioned|insists|repeated|remembered|says|say|states|shows|was told|were told|claims|mean|means|guess
|assume|assumes|discovered|proved|promised|wants|hope|hopes|can see|could see|have heard|has heard|have decided|has decided|have agreed
|understand|understood|made clear|stated|suggested|concluded|realised|recall""")
NOTE = alternatives("""remember|note|save|store|keep|record|write down|add|learn|know|file|put down|log|take down|bear in mind|keep in mind
|make a note|do not forget|don't forget|never forget|keep a note|save the fact|store the fact|be aware|accept|take care|understand|see
|hold in mind|put in your notes|write in your notes|write it down|enter|register|keep it in your head|mark|mark down""")
IS = alternatives("""is|is|is|is|was|will be|should be|has to be|must be|became|becomes|is going to be|was chosen to be|is set to|has been set to
|is fixed at|stays|remains|equals|is called|is known to be|has always been|is simply|is just|is definitely|is probably|is really|is actually
|is currently|is officially|seems to be|appears to be|turns out to be|proves to be|shall be|can only be|might be|may be|is always|is, as you know,
|is, I think,|is, of course,|is, by the way,|is nothing but|is exactly|is now|is today|is still|would be|is meant to be|is said to be
|is given as|is listed as|is written as|is marked as|comes out as|ends up being|is chosen:|reads|says|=|->|:|is:""")
IS_ROLE = alternatives("""is|will be|was chosen as|has been chosen as|is used as|serves as|became|was named as|is going to be|is set as|was given as
|is listed as|has become|is now used as|was selected as|is what we use as|is what they gave me as|is what stands for|was made|is taken as
|is written down as|is known as|is the answer for|goes for|is entered as|was noted as|counts as|is recorded as|acts as|works as""")
AFTER = alternatives("""||||||||, as agreed|, as always|, if I am not mistaken|, for sure|indeed|, in case you wonder|, and that is final|now|today
|for now|, I believe|, I guess|, they say|, you know|, of course|, in fact|, so remember it|, keep it|, nothing else|, believe me|, no doubt
|, as I said|, as planned|, as before|, as we all know|, please remember|, please note|, please keep that|, in the end|, officially
|from now on|until further notice|for this year|for the next weeks|, all right|, okay|, you see|, at least for now|, thank you""")

DOUBT = alternatives("""is it true that|is it right that|is it correct that|is it a fact that|is it so that|do you agree that|do you think that
|do you believe that|can you confirm that|could you confirm that|can you verify that|would you agree that|am I correct that
|am I right to think that|am I wrong that|am I right when I say that|did I hear correctly that|did I tell you that|did you note that
|are you sure that|is it certain that|does it still hold that|have you noted that|can I say that|may I write that|should I believe that
|can it be that|could it be that|is it really true that|is it known that|do your notes say that|do you know that|did someone tell you that
|were you told that|can I tell them that|may I assume that|is it possible that|is it wrong that|is it false that|do we agree that
|can we say that|do I understand correctly that|did I understand correctly that|was I right that|is he right that|is she right that
|are they right that|would it be correct that|would it be true that|will you confirm that|do you remember that|did we say that""")
SAID = alternatives("""||||I think|I guess|I believe|they say|my friend says|my boss thinks|it says here that|I remember that|I wrote that
|the report says that|someone told me that|he says|she says that|people say that|I heard that|we think that|my notes say that|I am told that
|I would say that|I am quite sure that|as far as I know|if I remember well,|in my memory|to my knowledge|somebody wrote that|I have here that
|the list says|they claim that|everyone says that|I assume|let us say|so|and|well,|now,|then""")
RIGHT = alternatives("""Right|True|Correct|Correct|Correct or wrong|Is that right|Is that true|Is it|Is that so|Yes|Yes or no|Do you agree|Agreed|Is he right|Is this correct
|Is that correct|Am I right|Is that a fact|Isn't it|Does that match|Does it match your notes|Is it really|Am I wrong|Right or wrong|True or not
|Can you confirm|Can you confirm that|Could you check|Is that what you know|Do you know that too|Would you confirm|Do your notes agree
|Is this right|Is this true|Was that right|Did I get that right|Have I got that right|Is it the truth|Are they right|Can that be right""")
TAG = alternatives("right|isn't it|yes|correct|or not|is it not|true|yes or no|no|is that so|am I right|agreed|right or wrong|or am I wrong|is it")
TEST = alternatives("""right or wrong|yes or no|true or not|correct or not|fact or fiction|check this|please verify|please confirm|confirm or deny
|is this right|is this true|is the following true|quick check|a test|verify|one check|check|please check|tell me if this is true
|tell me whether this is right|true|really|is it true|is it correct|say yes or no|a question|what do you say|agree or disagree|does this hold
|is this still right|wrong or right|check for me|can you check this|correct me if I am wrong""")
ANEW = alternatives("""actually|correction|update|sorry, I was wrong|I made a mistake|no|from now on|new information|today|wait|as of today
|that was wrong|it is different now|they changed it|we changed it|it changed|it has changed|things changed|change of plan|news|a change|small change
|small correction|a correction|I was mistaken|my mistake|I mixed that up|I must correct myself|I have to correct that|let me correct that
|let me fix that|fix|please correct|please change that|please update your notes|new|it was updated|after all|oh no|oops|wrong
|not that|not any more|no longer|forget the old one|the old one is gone|there is a new one|since yesterday|since today|since Monday|this week
|for now|meanwhile|instead|in fact|in reality|the truth is|we decided anew|I checked again|I looked again|it turned out differently
|we had to change it|they moved it|I heard something else|other than I said|replace it|overwrite that|I take that back""")
TIMES = alternatives("||||now|now|at the moment|this week|from today on|again|instead|these days|today|at present|as of now|from now on|for the moment")

TAKE_IN = alternatives("""read|read|look at|go over|go through|work through|skim|scan|examine|consider|process|digest|inspect|review|look over|look through
|take in|learn|store|analyse|check|open|browse|study|take note of|see|have a glance at|pay attention to|listen to|absorb|keep|file|get through|make sense of
|understand|follow|note|parse|treat|handle|use|know|accept|take|memorise|walk through|receive|load|have""")
HERE = alternatives("""here is|here is|here are|here comes|here come|here you have|here you see|this is|these are|below is|below are|below you find|what follows is|what comes next is
|I have|I found|I got|I bring|we received|you will find|you get|attached is|there is|I copied|I paste|I am sending|enclosed is|next comes|next is|now comes|then there is|let me give you
|let me show you|someone sent|they gave me|I send you|we have|it is time for|and now|once more|I wrote|I typed|I was given|yesterday brought""")
WHICH_TEXT = alternatives("a|the|the|this|this|some|my|our|another|one|one more|that|these|your|their|an old|all of the|part of the|half of the|two|three")
KIND_OF_TEXT = alternatives("""|||following|next|attached|new|long|short|old|whole|latest|second|other|enclosed|handwritten|copied|quoted|first|last|printed|rather long|boring
|important|small|big|complete|early|daily|weekly|public|internal|shared|longer|shorter|typed|scanned|full|recent|different|lengthy|brief|entire|current""")
TEXT = alternatives("""text|text|report|page|letter|article|passage|paragraph|memo|excerpt|chapter|transcript|extract|story|file|summary|log|protocol|minutes|list|digest
|briefing|bulletin|diary|statement|document|document|notes|note|lines|sentences|records|entries|material|record|piece|column|manual|announcement|essay|content
|description|book|newsletter|post|thread|draft|copy|dump|collection|output|section|message board|press release|overview|case|recording|input|data|words""")
AFTER_TEXT = alternatives("|||||please|carefully|closely|now|for me|for us|well|first|at once|in full|twice|to the end|line by line|before we go on|from the archive|from the team|of today|of this week|if you can")
