"""Bytes written per turn at growing contexts, by the program's own count, by its files and by the kernel's count.

One agent grows from one size to the next; at each some turns of about 32 new tokens are looked at: files of KV that are new
(a partial block that is written again has a new name, so it counts in full), what the process wrote to the disk by
/proc/PID/io, catalog and log included. llama-server: its slot file, by hand, after every turn.
"""

import time

from driver.kvasir_server import KvasirServer
from driver.llama_server import LlamaServer
from driver.prompts import Messages, Prompts, extended
from driver.results import Rows
from driver.server import Server
from driver.setting import Setting

TURN_TOKENS = 16
ANSWER_TOKENS = 16
TURNS = 5
AGENT = "writer"


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    room = setting.room(agents=1, context=setting.context() + 1024)
    servers = [s for s in (setting.kvasir(room), setting.peer(room)) if s is not None]
    for server in servers:
        server.start()
        prompts.calibrate(server)
        messages: Messages = []
        tokens = 0
        for size in setting.sizes:
            grow = prompts.user(size - tokens)
            messages = [*messages, grow] if messages else [prompts.system(), grow]
            answer = server.ask(AGENT, messages, ANSWER_TOKENS)
            server.settle([AGENT])
            for _ in range(TURNS):
                messages = extended(messages, answer, prompts.user(TURN_TOKENS))
                answer = look_at_turn(server, rows, messages, size)
            tokens = answer.prompt_tokens + answer.answer_tokens
            messages = [*messages, {"role": "assistant", "content": answer.text}]


def look_at_turn(server: Server, rows: Rows, messages: Messages, size: int):
    io_before = server.io()
    files_before = server.kv_files() if isinstance(server, KvasirServer) else {}
    answer = server.ask(AGENT, messages, ANSWER_TOKENS)
    new_tokens = answer.prompt_tokens - answer.cached_tokens + answer.answer_tokens
    begin = time.perf_counter()
    if isinstance(server, LlamaServer):
        saved = server.save_slot(0, "writer.bin")
        rows.add(server.name, "KV bytes written", "B", saved["n_written"], size=size)
        rows.add(server.name, "save", "ms", saved["timings"]["save_ms"], size=size)
    else:
        server.settle([AGENT])
    rows.add(server.name, "from the answer until it is saved", "ms", 1000 * (time.perf_counter() - begin), size=size)
    if isinstance(server, KvasirServer):
        new = {name: length for name, length in server.kv_files().items() if name not in files_before}
        rows.add(server.name, "KV bytes written", "B", sum(new.values()), size=size)
        rows.add(server.name, "KV files written", "files", len(new), size=size)
        cache = server.cache(AGENT)
        rows.add(server.name, "bytes per token", "B", cache["append_bytes"] / max(1, cache["agent"]["cache_tokens"]), size=size)
        rows.add(server.name, "snapshot bytes of the agent", "B", cache["snapshot_bytes"], size=size)
        rows.add(server.name, "window bytes of the agent", "B", cache["window_bytes"], size=size)
    io_after = server.io()
    rows.add(server.name, "new tokens of the turn", "tokens", new_tokens, size=size)
    rows.add(server.name, "written by the process", "B", io_after["write_bytes"] - io_before["write_bytes"], size=size)
    return answer
