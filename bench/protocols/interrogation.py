"""Interrogation in five phases, 25 turns of four agents: first token per phase, kept against forgotten.

Phases and turns are those of the old scenario: warden and Marco (6 turns), warden and Danny (6), Marco and Danny (4), all three
(6), an analyst (3). Every agent hears what the others of its phases said. Forgotten: every phase begins with agents that nobody
knows. Restarted: as kept, but the server is restarted between phases.
"""

from driver.prompts import Messages, Prompts
from driver.results import Rows
from driver.server import Server
from driver.setting import Setting

PHASES = [(("warden", "marco"), 6), (("warden", "danny"), 6), (("marco", "danny"), 4), (("warden", "marco", "danny"), 6), (("analyst",), 3)]
ANSWER_TOKENS = 32
SYSTEM_TOKENS = 150


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    room = setting.room(agents=4, context=4096)
    for server in [s for s in (setting.kvasir(room), setting.peer(room)) if s is not None]:
        server.start()
        prompts.calibrate(server)
        server.ask("warm-up", prompts.conversation(256), 4)
        for repetition in range(setting.repetitions):
            for how in ("forgotten", "kept", "restarted"):
                play(server, rows, prompts, how, f"{how}-{repetition}")
        server.remove()


def play(server: Server, rows: Rows, prompts: Prompts, how: str, run: str) -> None:
    histories: dict[str, Messages] = {}
    for number, (names, turns) in enumerate(PHASES, 1):
        phase_name = f"{run}-{number}" if how == "forgotten" else run
        if how == "forgotten":  # the same words behind a system prompt that nobody has seen
            for name in names:
                if name in histories:
                    histories[name] = [prompts.system(), *histories[name][1:]]
        elif how == "restarted" and number > 1:
            server.settle([f"{run}-{name}" for name in histories])
            server.restart()
        for turn in range(turns):
            speak(server, rows, prompts, histories, names, turn, f"{phase_name}", {"phase": number, "how": how})


def speak(server: Server, rows: Rows, prompts: Prompts, histories: dict[str, Messages], names: tuple[str, ...], turn: int,
          run: str, keys: dict[str, object]) -> None:
    name = names[turn % len(names)]
    history = histories.setdefault(name, [prompts.system(SYSTEM_TOKENS)])
    if history[-1]["role"] != "user":
        history.append(prompts.user(24))
    answer = server.ask(f"{run}-{name}", history, ANSWER_TOKENS)
    rows.add(server.name, "first token", "ms", answer.first_ms, **keys)
    history.append({"role": "assistant", "content": answer.text})
    for other in names:
        if other != name:
            heard = histories.setdefault(other, [prompts.system(SYSTEM_TOKENS)])
            said = f"{name} said: {answer.text}"
            if heard[-1]["role"] == "user":
                heard[-1] = {"role": "user", "content": heard[-1]["content"] + "\n" + said}
            else:
                heard.append({"role": "user", "content": said})
