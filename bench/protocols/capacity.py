"""Agents at 8K tokens in 10.2 GB, resident and unshared, per KV type: by the program's own accounting.

The shape is used with fewer layers (--layers 6 of Gemma 3 12B: one period of five layers with a window and one without) and
scaled by the layers left out; pool bytes are linear in them. A server for two and one for six agents of the last of
--sizes tell what one more takes.
A server takes all cells at the start: what the process holds then stands beside what it told.
"""

from driver.prompts import Prompts
from driver.results import Rows
from driver.setting import Setting

BUDGET_BYTES = 10.2e9
LAYERS = {"gemma3-12b": 48, "gemma3-4b": 34, "gemma3-1b": 26, "llama3.1-8b": 32, "llama3.2-1b": 16, "qwen3-0.6b": 28}


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    tokens = setting.sizes[-1]
    used = layers_of(setting)
    whole = LAYERS.get(setting.shape, used)
    for kv_type in ("q4_0", "q8_0", "f16"):
        pools = {}
        for agents in (2, 6):
            server = setting.kvasir(setting.room(agents=agents, context=tokens, kv_type=kv_type))
            server.start()
            memory = server.memory()
            pools[agents] = int(memory["kv_pool_bytes"])
            rows.add("kvasir", "KV pool, as told", "B", pools[agents], kv_type=kv_type, agents=agents)
            if agents == 2:
                before = server.resident_bytes()
                prompts.calibrate(server)
                rows.add("kvasir", "pool, weights and buffers, as told", "B",
                         memory["kv_pool_bytes"] + memory["weights_bytes"] + memory["compute_bytes"], kv_type=kv_type, agents=agents)
                server.ask("agent", prompts.conversation(min(512, tokens - 64)), 1)  # compute buffers are touched, too
                rows.add("kvasir", "resident bytes, after an answer", "B", server.resident_bytes(), kv_type=kv_type, agents=agents)
                rows.add("kvasir", "resident bytes, after the start", "B", before, kv_type=kv_type, agents=agents)
            server.remove()
        of_one = (pools[6] - pools[2]) / 4 * whole / used
        rows.add("kvasir", "bytes of one agent, whole shape", "B", of_one, kv_type=kv_type)
        # What does not grow with the agents is paid once.
        once = max(0.0, pools[2] * whole / used - 2 * of_one)
        rows.add("kvasir", "agents in 10.2 GB", "agents", int((BUDGET_BYTES - once) // of_one), kv_type=kv_type)
    rows.note(f"measured with {used} layers of {whole}; pools are scaled by {whole / used:g}")


def layers_of(setting: Setting) -> int:
    found = setting.model.stem.rsplit("-", 1)[-1]
    return int(found.removesuffix("layers")) if found.endswith("layers") else LAYERS.get(setting.shape, 1)
