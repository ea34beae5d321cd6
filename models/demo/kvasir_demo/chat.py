"""ChatML with tool calls in the way of Hermes: the chat template, and the same rendering for the training."""
from __future__ import annotations

from .conversation import Kind, Turn
from .tools import EPILOGUE, PREAMBLE

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIAL = (END_OF_TEXT, TURN_START, TURN_END)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("\n", "\\n").replace("'", "\\'") + "'"


TEMPLATE = (
    "{%- set system = messages[0].content if messages and messages[0].role == 'system' else '' %}"
    "{%- if system or tools %}"
    "{{- '<|im_start|>system\\n' + system }}"
    "{%- if tools %}"
    "{{- ('\\n\\n' if system else '') + " + _quoted(PREAMBLE) + " }}"
    "{%- for tool in tools %}{{- ('' if loop.first else '\\n') }}{{- tool | tojson }}{%- endfor %}"
    "{{- " + _quoted(EPILOGUE) + " }}"
    "{%- endif %}"
    "{{- '<|im_end|>\\n' }}"
    "{%- endif %}"
    "{%- for message in messages %}"
    "{%- if message.role == 'tool' %}"
    "{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}"
    "{%- elif message.role == 'assistant' %}"
    "{{- '<|im_start|>assistant\\n' }}"
    "{%- if message.content %}{{- message.content }}{%- endif %}"
    "{%- if message.tool_calls %}"
    "{%- for call in message.tool_calls %}"
    "{%- set function = call.function if call.function else call %}"
    "{{- ('' if loop.first and not message.content else '\\n') }}"
    "{{- '<tool_call>\\n{\"name\": \"' + function.name + '\", \"arguments\": ' }}"
    "{%- if function.arguments is string %}{{- function.arguments }}{%- else %}{{- function.arguments | tojson }}{%- endif %}"
    "{{- '}\\n</tool_call>' }}"
    "{%- endfor %}"
    "{%- endif %}"
    "{{- '<|im_end|>\\n' }}"
    "{%- elif not (loop.first and message.role == 'system') %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}")


def body(turn: Turn) -> tuple[str, str]:
    """The role under which a turn is written, and its text."""
    if turn.role == "tool":
        return "user", f"<tool_response>\n{turn.text}\n</tool_response>"
    return turn.role, turn.text


def rendered(turns: list[Turn]) -> str:
    return "".join(f"{TURN_START}{role}\n{text}{TURN_END}\n" for role, text in map(body, turns))


def answers(turns: list[Turn]) -> list[Turn]:
    return [turn for turn in turns if turn.kind != Kind.PROMPT]
