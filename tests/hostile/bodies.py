"""Bodies that are too deep, too large, or no JSON, and every field with every extreme, for every route with a body.

The fields and their bounds come from the server's own /openapi.json, so this also holds the document to what the parsers
do: at a bound a value is taken, beyond it there is a 400 that names the field. Nothing may be a 500, a crash or a hang.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass

from raw_http import Answer, Attacker, Findings, request, run_attack
from server_process import ServerProcess

MB = 1_000_000
DEAREST_ANSWER_CPU_S = 5  # not of the clock: the machine may be busy
EXTREMES = ["0", "-0", "-0.0", "1", "-1", "0.5", "1e308", "-1e308", "1e309", "5e-324", "2147483647", "2147483648", "-2147483649", "4294967295", "4294967296",
            "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
            "1" + "0" * 400, "0." + "0" * 400 + "1", "1e-400", "1E+2", "NaN", "Infinity", "-Infinity", "01", "+1", "0x10", "1_000", "null", "true", "\"\"", "\"7\"", "[]", "[7]",
            "{}", "{\"a\":7}", "[[[[[[]]]]]]", "\"\\u0000\"", "\"\\ud800\"", "\"" + "x" * 20_000 + "\""]


@dataclass
class Body:
    path: str
    fields: dict  # properties of the schema
    required: dict  # the smallest good body


def example(name: str, schema: dict) -> object:
    if name == "messages":
        return [{"role": "user", "content": "x"}]
    if name == "name":
        return "made"
    if schema.get("type") == "integer":
        return max(schema.get("minimum", 0), 0)
    return "x"


def bodies_of(document: dict) -> Iterator[Body]:
    for path, methods in document["paths"].items():
        if "post" not in methods:
            continue
        schema = methods["post"]["requestBody"]["content"]["application/json"]["schema"]
        fields = schema.get("properties", {})
        required = {name: example(name, fields[name]) for name in schema.get("required", [])}
        if "max_tokens" in fields:
            required["max_tokens"] = 1
        yield Body(path.replace("{name}", "ada"), fields, required)


def bombs(body: Body) -> Iterator[tuple[str, bytes]]:
    half = MB // 2
    yield "1 MB of brackets", b"[" * MB
    yield "1 MB of braces", b'{"a":' * (MB // 5)
    yield "1 MB of closed brackets", b"[" * half + b"]" * half
    yield "nested to the end", b'{"a":' * (MB // 6) + b"1" + b"}" * (MB // 6)
    for name in list(body.fields)[:40]:
        yield f"deep {name}", json.dumps({**body.required, name: None}).encode().replace(f'"{name}": null'.encode(), f'"{name}": '.encode() + b"[" * 200_000 + b"]" * 200_000)
    yield "100,000 fields", json.dumps({f"f{n}": n for n in range(100_000)}).encode()
    yield "100,000 times the same field", b"{" + b",".join(b'"content":"x"' for _ in range(100_000)) + b"}"
    yield "33 MB", b'{"a":"' + b"x" * (33 * 1024 * 1024) + b'"}'
    yield "a number of 1 MB", b'{"max_tokens":' + b"9" * MB + b"}"
    yield "5 million empty objects", b'{"a":[' + b"{}," * 5_000_000 + b"{}]}"
    for name, data in {"empty": b"", "null": b"null", "NUL": b"\0", "not UTF-8": b'{"a":"\xff"}', "UTF-16": '{"a":1}'.encode("utf-16"), "BOM": b"\xef\xbb\xbf{}", "half": b'{"a":', "two": b"{}{}",
                       "comment": b"{}//", "single quotes": b"{'a':1}", "trailing comma": b'{"a":1,}', "gzip": b"\x1f\x8b\x08\x00", "surrogate": b'{"a":"\\ud800\\ud800"}', "form": b"name=x"}.items():
        yield name, data


def cut_off(answer: Answer, name: str) -> bool:
    """Whoever goes on sending 33 MB after the refusal may lose it."""
    return name == "33 MB" and answer.status == 0


def expect_answer(findings: Findings, answer: Answer, what: str, taken: bool = True) -> None:
    good = answer.status in range(400, 500) or (taken and answer.status in range(200, 300))
    findings.expect(good, f"{what[:300]}: {answer.status} {answer.body[:300]!r}")
    if answer.status in range(400, 500):
        error = answer.json()["error"]
        findings.expect(len(error["message"]) in range(1, 2000), f"{what[:300]}: no clear sentence: {answer.body[:300]!r}")


def paths_of_numbers(schema: dict, at: tuple = ()) -> Iterator[tuple[tuple, dict]]:
    """Where numbers with bounds stand in a body."""
    if "minimum" in schema or "maximum" in schema:
        yield at, schema
    for name, field in schema.get("properties", {}).items():
        yield from paths_of_numbers(field, (*at, name))


def with_value(body: Body, at: tuple, text: str) -> bytes:
    fields = copy.deepcopy(body.required)
    place = fields
    for name in at[:-1]:
        place = place.setdefault(name, {"type": "enabled"} if name == "thinking" else {})
    place[at[-1]] = "@HERE@"
    return json.dumps(fields).replace('"@HERE@"', text).encode()


def named(answer: Answer, field: str) -> bool:
    error = answer.json()["error"]
    return field in (error.get("param") or error.get("field") or error["message"])


def check_bounds(attacker: Attacker, body: Body, findings: Findings) -> int:
    checked = 0
    for at, schema in paths_of_numbers({"properties": body.fields}):
        if at[-1] == "budget_tokens":
            continue  # read and noted, without effect: any number will do
        step = 1 if schema["type"] == "integer" else 0.001
        for value, good in [(schema["minimum"], True), (schema["maximum"], True), (schema["minimum"] - step, False), (schema["maximum"] + step, False)]:
            answer = findings.timed(lambda value=value: attacker.post(body.path, with_value(body, at, json.dumps(value))))
            blamed = answer.status == 400 and named(answer, at[-1])
            # A good value may be refused for what else is asked with it, but not as a bad value of this field.
            wrong_value = blamed and answer.json()["error"].get("code") == "invalid_value"
            in_turn = at[-1] in ("to", "at", "expected_turn", "top_logprobs")  # no such turn, or it needs another field
            findings.expect((not wrong_value or in_turn) if good else blamed, f"{body.path} {at} {value}: {answer.status} {answer.body[:200]!r}")
            checked += 1
    return checked


def attack(server: ServerProcess, findings: Findings) -> str:
    attacker = Attacker(server.url)
    assert attacker.post("/agents", b'{"name": "ada"}').status == 201
    bodies = list(bodies_of(attacker.ask(request("GET", "/openapi.json")).json()))
    bounds = sum(check_bounds(attacker, body, findings) for body in bodies)
    findings.expect(bounds > 100, f"only {bounds} bounds stand in the OpenAPI document")
    values = 0
    for body in bodies:
        for name in body.fields:
            for text in EXTREMES:
                answer = findings.timed(lambda: attacker.post(body.path, with_value(body, (name,), text)), f"{body.path} {name}={text[:100]}")
                expect_answer(findings, answer, f"{body.path} {name}={text}")
                values += 1
    thrown = 0
    for body in bodies:
        for name, data in bombs(body):
            answer = findings.timed(lambda: attacker.post(body.path, data), f"{body.path} with {name}")
            thrown += 1
            if cut_off(answer, name):
                continue
            takes_none = not body.required
            expect_answer(findings, answer, f"{body.path} with {name}", takes_none or name in ("100,000 times the same field", "surrogate", "100,000 fields", "5 million empty objects"))
    findings.expect(findings.dearest_cpu_s < DEAREST_ANSWER_CPU_S, f"an answer took {findings.dearest_cpu_s:.1f} s of CPU: {findings.dearest}")
    return f"{len(bodies)} routes: {bounds} bounds, {values} extremes, {thrown} bombs"


if __name__ == "__main__":
    run_attack(attack)
