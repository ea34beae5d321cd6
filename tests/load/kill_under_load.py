"""Clients talk and retry; the server is killed, or stopped, and started again; then everything is counted.

    kill_under_load.py PROGRAM MODEL --kills N --terminations N [--agents N] [--seed N]

What was acknowledged must be in the agent's turns, once, in order, in the acknowledged words, and nothing else may be
there: every message has an Idempotency-Key, so a retry of one that was committed is not done again. Each agent is told
a code and must know it at the end; nobody else's may come out. Three controls show that the check notices a turn that is
lost, one that is done twice, and a foreign code.
"""

import argparse
import random
import sys
import threading
import time
from pathlib import Path

from agents_api import Acknowledged, PatientAgent, request
from server_process import ServerProcess

BETWEEN_STOPS_S = (0.3, 1.5)
THINGS = ["billing service", "harbour", "old mill", "north gate", "pump house", "lighthouse"]


def code_of(agent: int) -> str:
    return str(481_726 + 7_919 * agent)


class Talk(threading.Thread):
    def __init__(self, agent: PatientAgent, number: int, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.agent, self.number, self.over = agent, number, over
        self.error: Exception | None = None
        self.last_answer = ""

    def run(self) -> None:
        try:
            self.agent.create("You are a technical specialist. Answer briefly.")
            self.agent.say(f"Remember that the access code of the archive is {code_of(self.number)}.")
            turn = 0
            while not self.over.is_set():
                turn += 1
                self.agent.say(f"Remember that the owner of the {THINGS[turn % len(THINGS)]} is Nora.")
            self.last_answer = self.agent.say("What is the access code of the archive?")
        except Exception as error:  # told by the main thread
            self.error = error


def differences(turns: list[dict], acknowledged: list[Acknowledged]) -> list[str]:
    """What is wrong with the turns of one agent."""
    stored = [(turn["user"], turn["assistant"].strip()) for turn in turns]
    expected = [(said.user, said.assistant.strip()) for said in acknowledged]
    wrong = [f"acknowledged and lost, or changed: {said}" for said in expected if said not in stored]
    if len(stored) > len(expected):
        wrong.append(f"{len(stored)} turns of {len(expected)} messages: something was done twice")
    if not wrong and stored != expected:
        wrong.append("the order is another one")
    if [said.turn for said in acknowledged] != list(range(1, len(acknowledged) + 1)):
        wrong.append(f"numbers of turns: {[said.turn for said in acknowledged]}")
    return wrong


def foreign_codes(answer: str, own: int, agents: int) -> list[str]:
    return [code_of(other) for other in range(agents) if other != own and code_of(other) in answer]


def check_controls(turns: list[dict], said: list[Acknowledged]) -> None:
    assert differences(turns[:-1], said), "control: a lost turn was not noticed"
    assert differences([*turns, turns[-1]], said), "control: a turn done twice was not noticed"
    assert foreign_codes(f"It is {code_of(1)}.", 0, 2), "control: a foreign code was not noticed"


def stop_again_and_again(server: ServerProcess, arguments: argparse.Namespace) -> None:
    kinds = ["kill"] * arguments.kills + ["terminate"] * arguments.terminations
    random.shuffle(kinds)
    for kind in kinds:
        time.sleep(random.uniform(*BETWEEN_STOPS_S))
        server.kill() if kind == "kill" else server.terminate()
        server.start()


def verdict(server: ServerProcess, talks: list[Talk]) -> list[str]:
    wrong = [f"{talk.agent.name}: {talk.error!r}" for talk in talks if talk.error]
    if wrong:
        return wrong
    for talk in talks:
        turns = request(server.url, "GET", f"/agents/{talk.agent.name}/turns")["turns"]
        wrong += [f"{talk.agent.name}: {what}" for what in differences(turns, talk.agent.acknowledged)]
        if code_of(talk.number) not in talk.last_answer:
            wrong.append(f"{talk.agent.name} does not know its code: {talk.last_answer}")
        wrong += [f"{talk.agent.name} says {code}" for code in foreign_codes(talk.last_answer, talk.number, len(talks))]
    check_controls(turns, talks[-1].agent.acknowledged)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--terminations", type=int, default=3)
    parser.add_argument("--agents", type=int, default=6)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    server = ServerProcess(arguments.program, arguments.model, ["--max-agents", "4"])
    over = threading.Event()
    try:
        server.start()
        talks = [Talk(PatientAgent(lambda: server.url, f"agent-{i}"), i, over) for i in range(arguments.agents)]
        for talk in talks:
            talk.start()
        stop_again_and_again(server, arguments)
        over.set()
        for talk in talks:
            talk.join()
        wrong = verdict(server, talks)
    finally:
        server.remove()
    turns = sum(len(talk.agent.acknowledged) for talk in talks)
    retries = sum(talk.agent.retries for talk in talks)
    print(f"seed {arguments.seed}: {arguments.kills} kills, {arguments.terminations} terminations, {turns} turns "
          f"acknowledged to {len(talks)} agents, {retries} retries; {len(wrong)} wrong")
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
