"""recall_test.py ANSWERS_PROGRAM MODEL CASES: the shipped model recalls what it was told, word for word, and only that.

CASES is made by models/demo/kvasir_demo/cases.py from phrasings and values that the training never shows.
"""
import json
import subprocess
import sys

RECALL_LEAST = 0.93   # of the whole answers, letter by letter
CONTROL_MOST = 0.03   # of them, when somebody else's conversation stands before the question


def right(program, model, cases):
    lines = "".join(json.dumps({"prompt": case["prompt"], "questions": case["questions"]}) + "\n" for case in cases)
    run = subprocess.run([program, model, "f16", "1"], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    given = [json.loads(line)["answers"] for line in run.stdout.decode(errors="replace").splitlines()]
    pairs = [pair for case, answers in zip(cases, given, strict=True) for pair in zip(case["expected"], answers, strict=True)]
    for expected, answer in pairs:
        if expected != answer:
            print(f"  expected: {expected}\n  answered: {answer}")
    return sum(expected == answer for expected, answer in pairs), len(pairs)


def main():
    program, model, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        cases = [json.loads(line) for line in file]
    print("wrong after its own conversation:")
    recalled, asked = right(program, model, cases)
    others = cases[1:] + cases[:1]
    print("after another conversation:")
    guessed, _ = right(program, model, [{**case, "prompt": other["prompt"]} for case, other in zip(cases, others, strict=True)])
    print(f"recalled {recalled} of {asked}, after another conversation {guessed}")
    if recalled < RECALL_LEAST * asked:
        sys.exit(f"the model recalls {recalled} of {asked} answers; at least {RECALL_LEAST:.0%} are expected")
    if guessed > CONTROL_MOST * asked:
        sys.exit(f"the model gives {guessed} of {asked} answers that it was never told")


if __name__ == "__main__":
    main()
