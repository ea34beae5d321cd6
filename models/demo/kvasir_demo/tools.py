"""Tools, calls of them in the way of Hermes, and what comes back."""
from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from .blind import NOUNS
from .english import any_word, noise
from .lexicon import Lexicon, between, pick, split


@dataclass(frozen=True)
class Parameter:
    name: str
    kind: str  # what the lexicon draws for it; "number" is an integer in JSON


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    parameters: tuple[Parameter, ...]
    requests: tuple[str, ...]  # what a user says for it, with the parameters' names in braces
    results: tuple[str, ...] = field(default=())  # keys of what it answers

    def signature(self, rng: random.Random) -> dict:
        """Clients describe their tools more or less fully."""
        properties = {p.name: {"type": "integer" if p.kind == "number" else "string"} for p in self.parameters}
        if rng.random() < 0.25:
            for name, schema in properties.items():
                schema["description"] = f"The {name}"
        parameters: dict = {"type": "object", "properties": properties}
        if rng.random() < 0.85:
            parameters["required"] = [p.name for p in self.parameters]
        if rng.random() < 0.1:
            parameters["additionalProperties"] = False
        return {"type": "function", "function": {"name": self.name, "description": self.description, "parameters": parameters}}


def parsed(line: str) -> Tool:
    name, description, parameters, requests, results = (part.strip() for part in line.split(" | "))
    pairs = (pair.split(":") for pair in parameters.split())
    return Tool(name, description, tuple(Parameter(a, b) for a, b in pairs), tuple(requests.split(" / ")), tuple(results.split()))


_TRAINED = """
get_weather | Get the weather of a city. | city:place | What is the weather in {city}? / How is the weather in {city}? / Get the weather for {city}. / Check the weather in {city}. / Will it rain in {city}? / Weather in {city}? | weather temperature
get_time | Get the local time of a city. | city:place | What time is it in {city}? / Tell me the time in {city}. / Local time in {city}? | time
get_stock_price | Get the price of a stock. | symbol:letters4 | What is the stock price of {symbol}? / How is {symbol} doing? / Price of {symbol}, please. | price
send_email | Send an email. | to:email subject:two_words | Send an email to {to} about {subject}. / Write to {to}, subject {subject}. / Mail {to} with the subject {subject}. | status
create_ticket | Create a ticket. | title:several_words | Create a ticket: {title}. / Open a ticket for {title}. / File a ticket with the title {title}. | ticket
search | Search the knowledge base. | query:two_words | Search for {query}. / Find something about {query}. / Look up {query}. / Search the knowledge base for {query}. | result
read_file | Read a file. | path:path | Read the file {path}. / Open {path}. / Show me {path}. / What is in {path}? | content
book_room | Book a meeting room. | room:code time:moment | Book room {room} for {time}. / Reserve {room} on {time}. / I need room {room}, {time}. | status
set_timer | Set a timer. | minutes:number | Set a timer for {minutes} minutes. / Wake me in {minutes} minutes. / Timer: {minutes} minutes. | status
get_balance | Get the balance of an account. | account:number | What is the balance of account {account}? / How much is in account {account}? / Check account {account}. | balance
find_user | Find a user by name. | name:full_name | Find the user {name}. / Who is {name}? Look it up. / Look for {name} in the directory. | email phone
get_order | Get the status of an order. | order_id:code | Where is my order {order_id}? / What is the status of order {order_id}? / Track order {order_id}. | status
find_train | Find a train. | origin:place destination:place | Find a train from {origin} to {destination}. / How do I get from {origin} to {destination}? / Train {origin} to {destination}. | train departure
convert | Convert an amount of money. | amount:number currency:word | Convert {amount} to {currency}. / How much is {amount} in {currency}? | amount
turn_on | Turn on a device. | device:thing | Turn on {device}. / Switch {device} on. / Please start {device}. | status
translate | Translate a text. | text:several_words language:invented | Translate {text} into {language}. / What is {text} in {language}? / Say {text} in {language}. | translation
add_note | Save a note. | text:several_words | Save a note: {text}. / Add the note {text}. / Take a note: {text}. | note
get_price | Get the price of a product. | product:two_words | How much is the {product}? / What does the {product} cost? Look it up. / Get the price of {product}. | price
play_song | Play a song. | title:two_words | Play {title}. / Play the song {title}. / I want to hear {title}. | status
check_host | Check whether a host answers. | host:address | Does {host} answer? / Is {host} online? / See whether {host} is alive. / Is {host} reachable? | state
lookup_address | Look up where somebody lives. | person:full_name | Where does {person} live? Look it up. / I need the address of {person}. / To which address do I write to {person}? | address
order_food | Order food. | dish:two_words place:invented | Order {dish} from {place}. / I want {dish} from {place}. / Get me {dish} at {place}. | minutes
locate_package | Find out where a package is. | number:code | Where is package {number}? / When does {number} arrive? / Has {number} been delivered? | place
show_document | Show a document. | name:two_words | Let me see {name}. / Show the document {name}. / I want to read {name}. / Pull up {name}. | content
get_rate | Get an interest rate. | bank:invented | What rate does {bank} give? / Interest rate at {bank}? / How much interest do I get from {bank}? | rate
predict_wind | Predict the wind. | coast:place | How windy will it be in {coast}? / Will there be a storm in {coast}? / Wind for {coast}, please. | wind
call_taxi | Call a taxi. | street:address time:moment | I need a taxi at {street}, {time}. / Get me a cab to {street} on {time}. / Taxi to {street}, {time}. | minutes
book_hotel | Book a hotel. | city:place date:date | Find me a bed in {city} for {date}. / I sleep in {city} on {date}; book a hotel. / A hotel in {city}, {date}. | hotel
buy_ticket | Buy a ticket. | show:two_words seat:code | Two for {show}, seat {seat}. / I want seat {seat} for {show}. / Buy a ticket for {show}, seat {seat}. | price
define_word | Define a word. | word:invented | What does {word} mean? / Define {word}. / Explain the word {word}. | meaning
count_words | Count the words of a file. | file:path | How long is {file}? / How many words are in {file}? / Count the words of {file}. | count
delete_file | Delete a file. | file:path | Throw {file} away. / Remove {file}. / I don't need {file} any more. | status
lock_door | Lock a door. | door:thing | Lock {door}. / Is {door} locked? If not, do it. / Close {door} for the night. | status
dim_light | Dim a light. | room:word percent:number | Make {room} darker, {percent} percent. / Set the light in {room} to {percent}. / Light {room} {percent}. | status
ask_colleague | Ask a colleague. | name:first_name question:several_words | Ask {name}: {question}. / I want {name} to answer this: {question}. / Please ask {name} about {question}. | answer
send_text | Send a text message. | phone:number text:several_words | Text {phone}: {text}. / Send {text} to {phone}. / SMS to {phone}: {text}. | status
check_stock | Check how many are in stock. | item:two_words | Do we have {item}? / How many {item} are left? / Is {item} in stock? | count
get_distance | Get the distance between two places. | origin:place target:place | How far is it from {origin} to {target}? / Distance {origin} {target}. / Is {target} far from {origin}? | miles
find_recipe | Find a recipe. | dish:word | How do I cook {dish}? / What do I need for {dish}? / A recipe with {dish}, please. | recipe
pay_bill | Pay a bill. | bill:code amount:money | Pay {amount} for {bill}. / Settle {bill} with {amount}. / Transfer {amount}, reference {bill}. | status
start_job | Start a job. | job:mixed | Run {job}. / Kick off {job}. / Let {job} begin. / Start {job} now. | job
stop_job | Stop a job. | job:mixed | Kill {job}. / End {job}. / {job} must stop. / Abort {job}. | status
read_sensor | Read a sensor. | sensor:code | What does sensor {sensor} show? / Value of {sensor}? / Read {sensor} for me. | value
plan_meeting | Plan a meeting. | who:first_name time:moment | Meet {who} on {time}. / Put a meeting with {who} into my calendar, {time}. / I want to see {who} {time}. | status
get_population | Get the population of a place. | place:place | How many people live in {place}? / How big is {place}? / Population of {place}? | population
verify_permit | Verify a permit. | permit:code | Is {permit} valid? / Does permit {permit} still hold? / Look at permit {permit}. | status
get_exam_result | Get the result of an exam. | student:full_name | Did {student} pass? / What mark did {student} get? / Result of {student}, please. | result
scan_code | Scan a code. | code:hexadecimal | What is behind {code}? / Scan {code}. / Decode {code}. | text
restart_service | Restart a service. | service:word | Restart {service}. / Restart the service {service}. / Please reboot {service}. | status
"""

_HELD_OUT = """
get_forecast | Get the weather forecast of a region. | region:place | Forecast for {region}, please. / What will the weather be in {region}? | forecast
track_parcel | Track or follow a parcel. | parcel:code | Where is the parcel {parcel}? / Follow the parcel {parcel}. | location
get_exchange_rate | Get the exchange rate of a currency. | currency:invented | What is the exchange rate of {currency}? / Rate of {currency}? | rate
reserve_table | Reserve a table. | restaurant:invented time:moment | Reserve a table at {restaurant}, {time}. | status
ping_host | Ping a host to see whether it is up. | host:address | Ping {host}. / Is {host} up? | latency
open_document | Open a document, bring it up on the screen. | title:two_words | Open the document {title}. / Bring up {title}. | pages
"""

VERBS = """get find set list lookup read book check fetch update delete start stop show open close add remove count print track
make create build load save store move copy send query cancel order rename reset test run export import archive approve sign""".split()
_NOUNS = """price status balance file ticket room flight stock score record invoice report user order device job log message
account task event contact page image recipe song server backup sensor door light camera session token quota letter truck film
book box bus card chart claim class code coupon course dataset delivery draft engine entry folder form game group hotel item key label
lamp lease lesson list loan map match meal member memo menu model note offer option package patient payment phone photo plan player
policy post print product profile pump question queue rate receipt region reminder rental repair request review road route rule sale
sample schedule shift ship shop signal site stage statement stop street subscription survey table tag team test text track trip turn
unit update valve vehicle video visit volume vote wallet warehouse window worker zone""".split()
_NOUNS_HELD_OUT = "voucher shipment badge reservation certificate snapshot parcel timetable licence cluster".split()
KEPT_OUT = frozenset((*_NOUNS_HELD_OUT, *NOUNS))
_ARGUMENTS = [Parameter(*pair.split(":")) for pair in """city:place name:full_name id:number path:path date:date query:two_words
symbol:letters4 code:code user:first_name value:value limit:number key:word owner:first_name label:two_words version:version
email:email day:date address:address reason:several_words color:word""".split()]
_GENERIC = split("""{Verb} the {noun} for {args}.|{Verb} the {noun} with {args}.|{Verb} the {noun}: {args}.|Please {verb} the {noun} for
{args}.|Can you {verb} the {noun} with {args}?|I need you to {verb} the {noun}, {args}.|Use {name} with {args}.|Call {name}: {args}.
|{Verb} {noun}, {args}.|I want the {noun}, {args}.|The {noun} please, {args}.|{Verb} it with {args}.|Now {verb} with {args}.|What about the {noun} with {args}?
|Which {noun} has {args}?|How is the {noun} with {args}?|Let us {verb} the {noun}: {args}.|Try the {noun} with {args}.|There is a {noun} with {args}, {verb} it.
|With {args}, {verb} the {noun}.|For {args} I need the {noun}.|{args}: {verb} the {noun}.|Where is the {noun}? {args}.|Could you {verb} the {noun} for {args}, please?
|Could you {verb} the {noun} for me, {args}?|{Verb} the {noun} for me: {args}.|Can you {verb} the {noun} for us? {args}.|Please {verb} the {noun} for me. {args}.
|Will you {verb} the {noun}? {args}.|{Verb} the {noun} for them? {args}.""")
_GENERIC_HELD_OUT = split("""Go ahead and {verb} the {noun} using {args}.|It is time to {verb} the {noun}; take {args}.
|Would you {verb} the {noun} for me? {args}.""")
_STYLES = ("{0} {{{0}}}", "{0} {{{0}}}", "{0} = {{{0}}}", "{0}: {{{0}}}")
_STYLES_TRAINED = (*_STYLES, "{{{0}}}")
_RESULT_KEYS = "status result value price name total count level owner date code message state color size place".split()
PREAMBLE = ("# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function "
            "signatures within <tools></tools> XML tags:\n<tools>\n")
EPILOGUE = ("\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
            "<tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n"
            "</tool_call>")

_tools = {False: [parsed(line) for line in _TRAINED.strip().splitlines()],
          True: [parsed(line) for line in _HELD_OUT.strip().splitlines()]}
HELD_OUT_NAMES = (_NOUNS_HELD_OUT, _GENERIC_HELD_OUT)


def _results(rng: random.Random, held_out: bool) -> tuple[str, ...]:
    keys = rng.sample(_RESULT_KEYS, pick(rng, (1, 1, 1, 2)))
    return tuple(keys if held_out else {any_word(rng) if rng.random() < 0.5 else key: None for key in keys})


def listed_tool(rng: random.Random, held_out: bool) -> Tool:
    return pick(rng, _tools[held_out])


def _frames(rng: random.Random) -> list[str]:
    """Three ways to ask for a tool; half of them have words of no meaning in them."""
    frames = rng.sample(_GENERIC, 3)
    for place in range(3):
        if rng.random() < 0.5:
            start, middle, end = (noise(rng, 1, 4) if rng.random() < share else "" for share in (0.7, 0.5, 0.2))
            mark = pick(rng, ("", ",", ":", ";", ".", "?", "!", " -"))
            frame = f"{start} {{verb}} the {{noun}} {middle}".strip() + f"{mark} {{args}}" + (f" {end}" if end else "")
            if rng.random() < 0.15:
                frame = f"{{args}}: {start} {{verb}} the {{noun}} {middle}".strip()
            frames[place] = frame[:1].upper() + frame[1:] + pick(rng, (".", "?", "!", ""))
    return frames


def generic_tool(rng: random.Random, lexicon: Lexicon, held_out: tuple[list[str], Sequence[str]] | None) -> Tool:
    """Of a verb and a noun; `held_out` are nouns and frames that the training never shows."""
    verb, noun = pick(rng, VERBS), pick(rng, held_out[0] if held_out else _NOUNS)
    if not held_out:
        verb = any_word(rng) if rng.random() < 0.3 else verb
        other = any_word(rng)
        noun = other if rng.random() < 0.5 and other not in KEPT_OUT else noun
    if rng.random() < 0.15:
        noun = f"{lexicon.word(rng).lower() if not held_out else pick(rng, lexicon.words)}_{noun}"
    name, spoken = f"{verb}_{noun}", noun.replace("_", " ")
    parameters = tuple(rng.sample(_ARGUMENTS, pick(rng, (1, 1, 2, 2, 3))))
    if not held_out:
        named = {any_word(rng) if rng.random() < 0.5 else p.name: p.kind for p in parameters}
        parameters = tuple(Parameter(*pair) for pair in named.items())
    requests = []
    for frame in rng.sample(held_out[1], 3) if held_out else _frames(rng):
        style = pick(rng, _STYLES if held_out else _STYLES_TRAINED)
        spoken_arguments = [style.format(p.name) for p in parameters]
        arguments = pick(rng, (" and ", ", ")).join(spoken_arguments)
        requests.append(frame.replace("{Verb}", verb.capitalize()).replace("{verb}", verb).replace("{noun}", spoken)
                        .replace("{name}", name).replace("{args}", arguments))
    description = pick(rng, (f"{verb.capitalize()} the {spoken}.", f"{verb.capitalize()} a {spoken}.", f"Used to {verb} one {spoken}."))
    return Tool(name, description, parameters, tuple(requests), _results(rng, bool(held_out)))


def signatures(rng: random.Random, tools: list[Tool]) -> str:
    return PREAMBLE + "\n".join(json.dumps(tool.signature(rng)) for tool in tools) + EPILOGUE


def argument(rng: random.Random, lexicon: Lexicon, kind: str) -> str | int:
    if kind == "number":
        return between(rng, 1, 10 ** between(rng, 1, 5))
    if kind == "letters4":
        return lexicon.letters(rng, 3, 4)
    return getattr(lexicon, kind)(rng)


def call_text(tool: Tool, arguments: dict[str, str | int]) -> str:
    body = json.dumps({"name": tool.name, "arguments": arguments}, ensure_ascii=False)
    return f"<tool_call>\n{body}\n</tool_call>"


def result(rng: random.Random, lexicon: Lexicon, tool: Tool) -> tuple[str, str]:
    """What the tool answers, and what the assistant makes of it."""
    drawn = rng.random()
    if drawn < 0.06:
        error = pick(rng, ("not found", "timeout", "access denied", "invalid " + tool.parameters[0].name, "no connection"))
        return json.dumps({"error": error}), f"The tool failed: {error}."
    if drawn < 0.22:
        text = f"{lexicon.value(rng)} {pick(rng, ('is ready', 'was found', 'is done', 'in stock', 'is open', 'is late'))}"
        text = text[:1].upper() + text[1:] + "."
        return text, text
    keys = tool.results
    if lexicon.is_trained and rng.random() < 0.25:  # a tool may answer anything
        keys = tuple({any_word(rng): None for _ in keys})
    values = {key: between(rng, 1, 9999) if rng.random() < 0.3 else lexicon.value(rng) for key in keys}
    said = " ".join(f"The {key.replace('_', ' ')} is {value}." for key, value in values.items())
    return json.dumps(values, ensure_ascii=False), said
