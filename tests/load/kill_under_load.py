"""Clients talk and retry; the server is killed, or stopped, and started again; then everything is counted.

    kill_under_load.py PROGRAM MODEL --kills N --terminations N [--talkers N] [--seed N]

What was acknowledged must be in the agent's turns, once, in order, in the acknowledged words, and nothing else may be
there: every message has an Idempotency-Key, so a retry of one that was committed is not done again. Each agent is told
a code and asked for it at the end; nobody else's may come out, and where its own does not, the same messages are said
again to an agent that nothing happened to: it must not know the code either. Conversations are short, as the small model
only answers those, and follow each other until the last stop is over, so a faster machine has more of them, not longer
ones. Controls show that the check notices a turn that is lost, one that is done twice, and a foreign code.
"""

import argparse
import random
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from agents_api import Acknowledged, PatientAgent, request
from server_process import ServerProcess

BETWEEN_STOPS_S = (0.3, 1.5)
THINGS = ["billing service", "harbour", "old mill", "north gate"]
MIN_KNOWN_SHARE = 0.5  # with fewer, the question says nothing about memory
QUESTION = "What is the access code of the archive?"


def code_of(talker: int) -> str:
    return str(481_726 + 7_919 * talker)


def converse(agent: PatientAgent, code: str) -> str:
    """A whole conversation; gives the answer to its last message."""
    agent.create("You are a technical specialist. Answer briefly.")
    agent.say(f"Remember that the access code of the archive is {code}.")
    for thing in THINGS:
        agent.say(f"Remember that the owner of the {thing} is Nora.")
    return agent.say(QUESTION)


@dataclass
class Conversation:
    agent: PatientAgent
    talker: int
    last_answer: str


class Talker(threading.Thread):
    """One client: conversation after conversation, each with an agent of its own, until all stops are over."""

    def __init__(self, server: ServerProcess, number: int, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.server, self.number, self.over = server, number, over
        self.error: Exception | None = None
        self.conversations: list[Conversation] = []

    def run(self) -> None:
        try:
            while not self.over.is_set():
                name = f"talker-{self.number}-{len(self.conversations)}"
                agent = PatientAgent(lambda: self.server.url, name)
                self.conversations.append(Conversation(agent, self.number, ""))
                self.conversations[-1].last_answer = converse(agent, code_of(self.number))
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


def foreign_codes(answer: str, own: int, talkers: int) -> list[str]:
    return [code_of(other) for other in range(talkers) if other != own and code_of(other) in answer]


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


def verdict(server: ServerProcess, talkers: list[Talker]) -> list[str]:
    wrong = [f"talker-{talker.number}: {talker.error!r}" for talker in talkers if talker.error]
    if wrong:
        return wrong
    known = 0
    conversations = [conversation for talker in talkers for conversation in talker.conversations]
    for number, conversation in enumerate(conversations):
        agent, own, answer = conversation.agent, conversation.talker, conversation.last_answer
        turns = request(server.url, "GET", f"/agents/{agent.name}/turns")["turns"]
        wrong += [f"{agent.name}: {what}" for what in differences(turns, agent.acknowledged)]
        wrong += [f"{agent.name} says {code}" for code in foreign_codes(answer, own, len(talkers))]
        if code_of(own) in answer:
            known += 1
        elif code_of(own) in converse(PatientAgent(lambda: server.url, f"undisturbed-{number}"), code_of(own)):
            wrong.append(f"{agent.name} does not know its code, an undisturbed agent does: {answer}")
    print(f"{known} of {len(conversations)} conversations knew their code at the end")
    if known < MIN_KNOWN_SHARE * len(conversations):
        wrong.append("too few knew their code for this test to say anything")
    check_controls(turns, agent.acknowledged)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--terminations", type=int, default=3)
    parser.add_argument("--talkers", type=int, default=6)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    server = ServerProcess(arguments.program, arguments.model, ["--max-agents", "4"])
    over = threading.Event()
    try:
        server.start()
        talkers = [Talker(server, number, over) for number in range(arguments.talkers)]
        for talker in talkers:
            talker.start()
        stop_again_and_again(server, arguments)
        over.set()
        for talker in talkers:
            talker.join()
        wrong = verdict(server, talkers)
    finally:
        server.remove()
    agents = [conversation.agent for talker in talkers for conversation in talker.conversations]
    turns = sum(len(agent.acknowledged) for agent in agents)
    retries = sum(agent.retries for agent in agents)
    print(f"seed {arguments.seed}: {arguments.kills} kills, {arguments.terminations} terminations, {turns} turns "
          f"acknowledged to {len(agents)} agents, {retries} retries; {len(wrong)} wrong")
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
