"""Agents that share a system prompt of 2K tokens: disk and creation time of the first and of the later ones."""

import time

from driver.prompts import Prompts
from driver.results import Rows
from driver.setting import Setting

AGENTS = 8
SYSTEM_TOKENS = 2048


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    room = setting.room(agents=4, context=SYSTEM_TOKENS + 1024)
    ours, peer = setting.kvasir(room), setting.peer(room)
    ours.start()
    prompts.calibrate(ours)
    ours.create("warm-up", prompts.conversation(256)[1]["content"])
    for repetition in range(setting.repetitions):
        system = f"{repetition} {prompts.conversation(SYSTEM_TOKENS)[1]['content']}"
        disk_before = sum(ours.kv_files().values())
        for number in range(1, AGENTS + 1):
            begin = time.perf_counter()
            created = ours.create(f"agent-{repetition}-{number}", system)
            took_ms = 1000 * (time.perf_counter() - begin)
            disk = sum(ours.kv_files().values()) - disk_before
            which = "first" if number == 1 else "later"
            rows.add("kvasir", "creation", "ms", took_ms, which=which)
            rows.add("kvasir", "tokens read", "tokens", created["evaluated_tokens"], which=which)
            if number in (1, AGENTS):
                rows.add("kvasir", "KV on disk of all", "B", disk, agents=number)
    if peer is None:
        return
    peer.start()
    for repetition in range(setting.repetitions):
        system = {"role": "system", "content": f"{repetition} {prompts.conversation(SYSTEM_TOKENS)[1]['content']}"}
        on_disk = 0
        for number in range(1, AGENTS + 1):
            # One slot for all, so that each finds the prompt of the one before; its file is what keeps an agent.
            answer = peer.ask("any", [system, prompts.user(8)], 1, id_slot=0)
            rows.add("llama-server", "creation", "ms", answer.first_ms, which="first" if number == 1 else "later")
            on_disk += peer.save_slot(0, f"agent-{number}.bin")["n_written"]
            if number in (1, AGENTS):
                rows.add("llama-server", "KV on disk of all", "B", on_disk, agents=number)
