"""Sessions of 30 turns with tools, in the shapes that real clients were seen to send, a kill -9 in the middle.

    sessions.py PROGRAM MODEL SHAPE [--volatile] [--talking] [--turns 30] [--kills 1]

Every turn is a request that must call a tool, its result, and an answer. Histories come back as clients send them: JSON of
calls in another layout, ids of calls renamed, answers trimmed, content null beside calls, side calls under the same id,
lines that change with every request. After the first turn at least 95 % of all prompt tokens must not be read again, the
engine must have evaluated what was told and nothing else, and every miss must be explained by /why.
--talking: the model is a generated one, which is given a vocabulary and thoughts (talking_model.py): calls are made without
thinking, answers are thought, and the thoughts come back or not, as the client has it.
--volatile: the control. The system prompt begins with a number that changes: the share must fall, and /why must name it.
"""

import argparse
import json
import re
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from server_process import ServerProcess
from talking_model import make_talking_model

SHARE_MIN = 0.95
CALL_TOKENS = 160
ANSWER_TOKENS = 16
# A token of a generated model is a letter.
TALKING_CALL_TOKENS = 400
TALKING_OPTIONS = ["--ctx-size", "32768", "--kv-cells", "65536", "--max-agents", "2", "--threads", "1"]

TOOLS = [
    {"name": name, "description": f"{what} Use it when the task asks for it, and report what it says. " * 3,
     "parameters": {"type": "object", "properties": {"path": {"type": "string", "maxLength": 10},
                                                     "lines": {"type": "integer", "minimum": 1, "maximum": 99}},
                    "required": ["path", "lines"], "additionalProperties": False}}
    for name, what in (("read", "Reads a part of a file."), ("grep", "Searches files for a pattern."),
                       ("edit", "Replaces a text in a file."), ("shell", "Runs a command in the sandbox."))
]
SYSTEM = ("You are a coding agent in a terminal. You work step by step, you read before you edit, and you answer briefly. "
          "Never guess what a file holds. Prefer small changes. Run the tests after every change. " * 6)


class Failed(Exception):
    pass


class Server:
    def __init__(self, process: ServerProcess) -> None:
        self._process = process
        self.requests: list[dict[str, Any]] = []
        self._told = 0  # rows evaluated since the start, by what the answers say

    def check_engine(self) -> None:
        evaluated = self._process.metric("engine_evaluated_rows_total")
        if evaluated != self._told:
            raise Failed(f"by the answers {self._told} rows were evaluated, by the engine {evaluated}")
        self._told = 0

    def post(self, path: str, body: dict[str, Any], headers: dict[str, str], expected: int) -> dict[str, Any]:
        """`expected`: tokens that are known, and should not be read again."""
        request_id = uuid.uuid4().hex
        request = urllib.request.Request(self._process.url + path, data=json.dumps(body).encode(), method="POST",
                                         headers={"Content-Type": "application/json", "X-Request-Id": request_id, **headers})
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                cached = int(response.headers["x-kvasir-cached-tokens"])
                prompt = int(response.headers["x-kvasir-prompt-tokens"])
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise Failed(f"{path}: {error.code} {error.read().decode()}") from error
        usage = answer["usage"]
        # The last token of an answer is sampled and never evaluated.
        self._told += prompt - cached + usage.get("completion_tokens", usage.get("output_tokens", 0)) - 1
        why = self._process.get(f"/why/{request_id}")
        self.requests.append({"prompt": prompt, "cached": cached, "expected": expected, "why": why})
        return answer


def other_layout(arguments: str) -> str:
    """The same JSON as another program writes it."""
    parsed = json.loads(arguments)
    return json.dumps(dict(reversed(list(parsed.items()))), indent=2)


class Shape:
    """One client: `turn` makes its requests and keeps its history."""

    thinks = False  # set for a model that does
    call_tokens = CALL_TOKENS

    def __init__(self, server: Server, volatile: bool) -> None:
        self.server = server
        self.volatile = volatile
        self.session = str(uuid.uuid4())
        self.known = 0  # tokens of the conversation so far, but the last

    def system(self) -> str:
        return (f"Now: {uuid.uuid4().int % 10 ** 12}. " if self.volatile else "") + SYSTEM

    def turn(self, number: int) -> None:
        raise NotImplementedError

    def user(self, number: int) -> str:
        return f"Step {number}: look at module {number * 7919 % 1000} and say what it does."


class ChatShape(Shape):
    """A coding agent on chat completions with a session header, which asks for a title first."""

    role = "system"
    headers_of_session = True
    renames = False

    def __init__(self, server: Server, volatile: bool) -> None:
        super().__init__(server, volatile)
        self.messages: list[dict[str, Any]] = []
        self.tools = [{"type": "function", "function": tool} for tool in TOOLS]

    def headers(self) -> dict[str, str]:
        return {"x-session-id": self.session, "x-session-affinity": self.session} if self.headers_of_session else {}

    def ask(self, choice: str, tokens: int) -> dict[str, Any]:
        messages = [{"role": self.role, "content": self.system()}, *self.messages]
        thought = {"reasoning_effort": "none"} if self.thinks and choice == "required" else {}
        answer = self.server.post("/v1/chat/completions", {
            "model": "kvasir", "messages": messages, "tools": self.tools, "tool_choice": choice, "temperature": 0,
            "parallel_tool_calls": False, "max_tokens": tokens, **thought}, self.headers(), self.known)
        self.known = answer["usage"]["total_tokens"] - 1
        return answer["choices"][0]["message"]

    def title(self) -> None:
        self.server.post("/v1/chat/completions", {
            "model": "kvasir", "max_tokens": 8, "temperature": 0,
            "messages": [{"role": "system", "content": "You make a title of a conversation, six words at most."},
                         {"role": "user", "content": self.user(0)}]}, self.headers(), 0)

    def call_of(self, message: dict[str, Any], number: int) -> tuple[dict[str, Any], str]:
        call = message["tool_calls"][0]
        identifier = f"call-{number}" if self.renames else call["id"]
        function = {"name": call["function"]["name"], "arguments": other_layout(call["function"]["arguments"])}
        return {"role": "assistant", "content": message["content"] or None,
                "tool_calls": [{"id": identifier, "type": "function", "function": function}]}, identifier

    def answer_of(self, message: dict[str, Any]) -> dict[str, Any]:
        """With its thoughts, as the AI SDK sends them back."""
        thoughts = message.get("reasoning_content")
        return {"role": "assistant", "content": (message["content"] or "").strip(),
                **({"reasoning_content": thoughts} if thoughts else {})}

    def turn(self, number: int) -> None:
        if number == 0 and self.headers_of_session:
            self.title()
        self.messages.append({"role": "user", "content": self.user(number)})
        call, identifier = self.call_of(self.ask("required", self.call_tokens), number)
        self.messages += [call, {"role": "tool", "tool_call_id": identifier, "content": f"module {number}: 12 lines"}]
        self.messages.append(self.answer_of(self.ask("none", ANSWER_TOKENS)))


class PiShape(ChatShape):
    """Developer role, no ids at all."""

    role = "developer"
    headers_of_session = False


class FrameworkShape(ChatShape):
    """A framework's defaults: no ids, content in parts, ids of calls of its own."""

    headers_of_session = False
    renames = True

    def answer_of(self, message: dict[str, Any]) -> dict[str, Any]:
        """Without its thoughts."""
        return {"role": "assistant", "content": [{"type": "text", "text": message["content"] or ""}]}


class ClaudeShape(Shape):
    """Messages with a billing line that changes, a system message in the middle, thinking that is adaptive."""

    def __init__(self, server: Server, volatile: bool) -> None:
        super().__init__(server, volatile)
        self.messages: list[dict[str, Any]] = []
        self.tools = [{"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]}
                      for tool in TOOLS]

    def ask(self, choice: str, tokens: int) -> list[dict[str, Any]]:
        billing = f"x-anthropic-billing-header: cc_version=2.1.330; cc_entrypoint=cli; cch={uuid.uuid4().hex[:5]};"
        answer = self.server.post("/v1/messages?beta=true", {
            "model": "kvasir", "max_tokens": tokens, "temperature": 0,
            "thinking": {"type": "disabled" if self.thinks and choice == "any" else "adaptive"},
            "system": [{"type": "text", "text": billing},
                       {"type": "text", "text": self.system(), "cache_control": {"type": "ephemeral"}}],
            "metadata": {"user_id": json.dumps({"session_id": self.session})}, "tools": self.tools,
            "tool_choice": {"type": choice, "disable_parallel_tool_use": True} if choice == "any" else {"type": choice},
            "messages": self.messages}, {"x-claude-code-session-id": self.session, "x-api-key": "none"}, self.known)
        usage = answer["usage"]
        self.known = (usage["input_tokens"] + usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"] +
                      usage["output_tokens"] - 1)
        return answer["content"]

    def turn(self, number: int) -> None:
        if number == 0:
            self.messages.append({"role": "system", "content": "The working directory is /work. " * 20})
        self.messages.append({"role": "user", "content": [{"type": "text", "text": self.user(number),
                                                           "cache_control": {"type": "ephemeral"}}]})
        content = self.ask("any", self.call_tokens)
        for message in self.messages:  # the mark moves on
            if isinstance(message["content"], list):
                for block in message["content"]:
                    block.pop("cache_control", None)
        call = next(block for block in content if block["type"] == "tool_use")
        self.messages.append({"role": "assistant", "content": content})
        self.messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"],
                                                           "content": f"module {number}: 12 lines"}]})
        self.messages.append({"role": "assistant", "content": self.ask("none", ANSWER_TOKENS)})


class CodexShape(Shape):
    """Responses that are not stored: the whole history every time, developer messages, tools that we do not run."""

    stores = False

    def __init__(self, server: Server, volatile: bool) -> None:
        super().__init__(server, volatile)
        self.items: list[dict[str, Any]] = []
        self.previous: str | None = None
        self.tools = [{"type": "function", "strict": False, **tool} for tool in TOOLS]
        self.tools += [{"type": "web_search"}, {"type": "namespace", "name": "mcp", "tools": []}]

    def ask(self, new: list[dict[str, Any]], choice: str, tokens: int) -> list[dict[str, Any]]:
        self.items += new
        body: dict[str, Any] = {
            "model": "kvasir", "instructions": self.system(), "tools": self.tools, "tool_choice": choice,
            "parallel_tool_calls": False, "max_output_tokens": tokens, "temperature": 0, "store": self.stores,
            "include": ["reasoning.encrypted_content"], "prompt_cache_key": self.session,
            "reasoning": {"summary": "auto", **({"effort": "none"} if self.thinks and choice == "required" else {})},
            "client_metadata": {"thread_id": self.session}, "input": new if self.stores else self.items}
        if self.previous and self.stores:
            body["previous_response_id"] = self.previous
        answer = self.server.post("/v1/responses", body, {"session-id": self.session, "thread-id": self.session}, self.known)
        self.known = answer["usage"]["total_tokens"] - 1
        self.previous = answer["id"]
        return answer["output"]

    def turn(self, number: int) -> None:
        new: list[dict[str, Any]] = []
        if number == 0:
            new.append({"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Sandboxed. " * 20}]})
        if number == 10:
            new.append({"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Now read-only."}]})
        new.append({"type": "message", "role": "user", "content": [{"type": "input_text", "text": self.user(number)}]})
        output = self.ask(new, "required", self.call_tokens)
        call = next(item for item in output if item["type"] == "function_call")
        resent = {**call, "arguments": other_layout(call["arguments"])}
        resent.pop("id")
        self.items += [item for item in output if item["type"] != "function_call"] + [resent]
        result = {"type": "function_call_output", "call_id": call["call_id"], "output": f"module {number}: 12 lines"}
        self.items += self.ask([result], "none", ANSWER_TOKENS)


class StoredShape(CodexShape):
    """The server holds the conversation: previous_response_id."""

    stores = True


SHAPES = {"opencode": ChatShape, "pi": PiShape, "framework": FrameworkShape, "claude": ClaudeShape, "codex": CodexShape,
          "previous_response": StoredShape}


def check_misses(requests: list[dict[str, Any]]) -> int:
    misses = 0
    for request in requests:
        if request["cached"] >= request["expected"]:
            continue
        misses += 1
        why = request["why"]
        if not why["not_reused_reason"] and not why["difference"]:
            raise Failed(f"{request['expected'] - request['cached']} known tokens were read again, and nobody says why: {why}")
    return misses


def check_control(requests: list[dict[str, Any]], share: float) -> None:
    if share >= SHARE_MIN:
        raise Failed(f"the beginning changes with every request, and still {share:.1%} are said to be reused")
    fields = {request["why"]["difference"]["field"] for request in requests[2:] if request["why"]["difference"]}
    if not any(re.fullmatch(r"messages\[0\]\.content", field) for field in fields):
        raise Failed(f"/why does not name the system prompt: {fields}")
    print(f"with a changing beginning {share:.1%}, and /why names {sorted(fields)}")


def run(process: ServerProcess, arguments: argparse.Namespace) -> None:
    process.start()
    server = Server(process)
    shape = SHAPES[arguments.shape](server, arguments.volatile)
    if arguments.talking:
        shape.thinks, shape.call_tokens = True, TALKING_CALL_TOKENS
    kills = {(kill + 1) * arguments.turns // (arguments.kills + 1) for kill in range(arguments.kills)}
    first_turn = 0
    for number in range(arguments.turns):
        shape.turn(number)
        if number == 0:
            first_turn = len(server.requests)
        if number in kills:
            server.check_engine()
            process.kill()
            process.start()
    server.check_engine()
    after = server.requests[first_turn:]
    prompt = sum(request["prompt"] for request in after)
    cached = sum(request["cached"] for request in after)
    share = cached / prompt
    if arguments.volatile:
        return check_control(after, share)
    misses = check_misses(server.requests)
    print(f"{arguments.model.stem}, {arguments.shape}: {len(server.requests)} requests, {prompt} prompt tokens after the first turn, {share:.2%} not read "
          f"again, {misses} misses, all explained")
    if share < SHARE_MIN:
        worst = max(after, key=lambda request: request["expected"] - request["cached"])
        raise Failed(f"only {share:.1%} of the prompt tokens were not read again; the worst: {worst}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("--volatile", action="store_true")
    parser.add_argument("--talking", action="store_true")
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--kills", type=int, default=1)
    arguments = parser.parse_args()
    folder = tempfile.TemporaryDirectory(prefix="kvasir-talking-")
    model, options = arguments.model, []
    if arguments.talking:
        model, options = Path(folder.name) / arguments.model.name, TALKING_OPTIONS
        make_talking_model(arguments.model, model)
    process = ServerProcess(arguments.program, model, options)
    try:
        run(process, arguments)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    finally:
        process.remove()
        folder.cleanup()
    return 0


if __name__ == "__main__":
    sys.exit(main())
