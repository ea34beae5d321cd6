"""Facts that the demo model recalls, per KV type: while its conversation is resident, and after a restart.

The held-out conversations of tests/demo, sent as a client sends them; the whole answer must be right, letter by letter.
With --shape demo only: other shapes have random weights.
"""

import json
import re
from pathlib import Path

from driver.prompts import Messages, Prompts
from driver.results import Rows
from driver.setting import Setting

CASES = Path(__file__).resolve().parents[2] / "tests" / "demo" / "held_out.jsonl"
ANSWER_TOKENS = 64


def messages_of(prompt: str) -> Messages:
    found = re.findall(r"<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>", prompt, re.DOTALL)
    return [{"role": role, "content": content} for role, content in found]


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    if setting.shape != "demo":
        rows.note("left out: only the demo model has something to recall")
        return
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    for kv_type in ("f16", "q8_0", "q4_0"):
        server = setting.kvasir(setting.room(agents=4, context=4096, kv_type=kv_type))
        server.start()
        answers: dict[str, list[str]] = {}
        for state in ("never stopped", "after a restart"):
            right = asked = known = prompt_tokens = 0
            for number, case in enumerate(cases):
                history = messages_of(case["prompt"])
                if state == "never stopped":
                    server.ask(f"case-{number}", [*history, {"role": "user", "content": "Hello."}], 4)
                for question, expected in zip(case["questions"], case["expected"], strict=True):
                    answer = server.ask(f"case-{number}", [*history, {"role": "user", "content": question}], ANSWER_TOKENS)
                    answers.setdefault(state, []).append(answer.text)
                    right, asked = right + (answer.text.strip() == expected.strip()), asked + 1
                    known, prompt_tokens = known + answer.cached_tokens, prompt_tokens + answer.prompt_tokens
            rows.add("kvasir", "facts recalled", "share", right / asked, kv_type=kv_type, state=state, asked=asked)
            rows.add("kvasir", "prompt tokens not read again", "share", known / prompt_tokens, kv_type=kv_type, state=state)
            server.settle([f"case-{number}" for number in range(len(cases))])
            server.restart()
        same = sum(a == b for a, b in zip(*answers.values(), strict=True))
        rows.add("kvasir", "answers that are the same after a restart", "share", same / len(answers["never stopped"]), kv_type=kv_type)
        server.remove()
