"""What all Python clients share: the conversation that is held, and how what came of it is told."""

import json
import sys
from pathlib import Path
from typing import Any, Callable

SYSTEM = ("You are a technical specialist for the archive. You answer briefly and remember what you are told. "
          "When you do not know something, you say so.")
TELL = "Remember that the owner of the archive is Nora."
ASK = "What is the owner of the archive?"
FACT = "Nora"
WEATHER_TOOL = {
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}, "days": {"type": "integer"}},
        "required": ["city", "days"],
        "additionalProperties": False,
    },
}
PERSON_SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "count": {"type": "integer"}},
    "required": ["name", "count"],
    "additionalProperties": False,
}


def told(prompt: int, cached: int, completion: int) -> None:
    print(json.dumps({"prompt": prompt, "cached": cached, "completion": completion}))


def expect(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"not so: {what}")


def expect_weather_call(name: str, arguments: dict[str, Any]) -> None:
    expect(name == "get_weather", f"the tool that is called is get_weather, not {name}")
    expect(set(arguments) == {"city", "days"}, f"the call has both arguments: {arguments}")
    expect(isinstance(arguments["city"], str) and isinstance(arguments["days"], int), f"of their types: {arguments}")


def expect_person(text: str) -> None:
    person = json.loads(text)
    expect(set(person) == {"name", "count"} and isinstance(person["count"], int), f"the schema is kept: {text}")


def main(tell: Callable[[str], Any], ask: Callable[[str, Any], None]) -> None:
    """`tell` returns what the client keeps of the conversation; `ask` gets it in another process."""
    phase, url, state = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    if phase == "tell":
        state.write_text(json.dumps(tell(url)))
    else:
        ask(url, json.loads(state.read_text()))
