"""Ten experts with an article each, primed once, then asked sparsely, with places for three: first tokens.

Most queries meet an expert that is not resident; then the server is restarted and asked again. The articles are generated text of the first of --sizes in tokens; which expert is asked is drawn by Zipf's law.
"""

import random

from driver.prompts import Messages, Prompts, extended
from driver.results import Rows
from driver.setting import Setting

EXPERTS, PLACES, QUERIES = 10, 3, 30
ANSWER_TOKENS = 24


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    size = setting.sizes[0]
    room = setting.room(agents=PLACES, context=size + 4096)
    servers = [server for server in (setting.kvasir(room), setting.peer(room)) if server is not None]
    for server in servers:
        draw = random.Random(7)
        server.start()
        prompts.calibrate(server)
        server.ask("warm-up", prompts.conversation(256), 4)
        experts: list[Messages] = []
        for i in range(EXPERTS):
            system, article = prompts.conversation(size)
            messages = [{"role": "system", "content": f"{system['content']} Your knowledge: {article['content']}"}, prompts.user(16)]
            answer = server.ask(f"expert-{i}", messages, ANSWER_TOKENS)
            rows.add(server.name, "first token", "ms", answer.first_ms, phase="prime")
            experts.append(extended(messages, answer, prompts.user(24)))
        for phase in ("query", "query after a restart"):
            for _ in range(QUERIES if phase == "query" else EXPERTS):
                i = draw.choices(range(EXPERTS), [1 / (rank + 1) for rank in range(EXPERTS)])[0]
                answer = server.ask(f"expert-{i}", experts[i], ANSWER_TOKENS)
                rows.add(server.name, "first token", "ms", answer.first_ms, phase=phase)
                rows.add(server.name, "share of the prompt that was known", "share",
                         answer.cached_tokens / answer.prompt_tokens, phase=phase)
                experts[i] = extended(experts[i], answer, prompts.user(24))
            if phase == "query":
                server.settle([f"expert-{i}" for i in range(EXPERTS)])
                server.restart()
        server.remove()
