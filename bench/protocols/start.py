"""Ready after the start with many stored agents, against a store without any: from exec to the first answer of /ready."""

from concurrent.futures import ThreadPoolExecutor

from driver.kvasir_server import KvasirServer
from driver.machine import forget_pages
from driver.prompts import Prompts
from driver.results import Rows
from driver.setting import Setting

SYSTEM = "You are agent {} of the archive. Keep what you are told and answer briefly."


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    room = setting.room(agents=8, context=512)
    server = setting.kvasir(room)
    server.start()  # the store is made, the model's file is hashed
    server.stop()
    start_times(setting, rows, server, 0)
    made = 0
    for count in setting.counts:
        server.start()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: server.create(f"agent-{i}", SYSTEM.format(i)), range(made, count)))
        made = count
        server.stop()
        start_times(setting, rows, server, count)
        rows.add("kvasir", "store on disk", "B", sum(f.stat().st_size for f in server.store_files()), agents=count)
        rows.add("kvasir", "first answer of an agent", "ms", first_answer(server, count), agents=count)


def start_times(setting: Setting, rows: Rows, server: KvasirServer, agents: int) -> None:
    for repetition in range(setting.repetitions):
        server.start()
        rows.add("kvasir", "ready", "ms", server.ready_ms, agents=agents)
        listed = server.call("GET", "/agents")
        found = len(listed["agents"] if isinstance(listed, dict) else listed)
        if found != agents:
            raise RuntimeError(f"{found} agents are listed, {agents} were made")
        server.stop()
        if agents:
            forget_pages([f for f in server.store_files() if f.name.startswith("kvasir.db")])
            server.start()
            rows.add("kvasir", "ready, catalog not in the page cache", "ms", server.ready_ms, agents=agents)
            server.stop()


def first_answer(server: KvasirServer, count: int) -> float:
    server.start()
    messages = [{"role": "system", "content": SYSTEM.format(count // 2)}, {"role": "user", "content": "Who are you?"}]
    first_ms = server.ask(f"agent-{count // 2}", messages, 4).first_ms
    server.stop()
    return first_ms
