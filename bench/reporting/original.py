"""The original document's own figures beside ours, and what it says twice in different ways."""

from collections.abc import Iterator

from .read import Result
from .tables import human_bytes, number, spread, table

CONTRADICTIONS = """Where the document contradicts itself, or its own program:

- A turn "with cache" is to take 3 to 5 s, and decoding alone 5 to 10 s of it. Both cannot be.
- Prefill is given as 1 to 2 tokens/s with 100 to 200 tokens of system prompt in 5 to 8 s: at that rate they take 50 to 200 s.
  Its program, run, read about 219 tokens/s.
- A speedup was printed against a cold turn of 8.0 s that stands in the program as a number; it was never measured.
- "Load" was 1 ms because files were mapped and read later, inside the first token. Here a load is over when every byte was read
  and verified.
- 50 to 150 MB of disk per agent come without a number of tokens; its program, run, wrote 8.7 MB for three agents of 67 tokens.
"""


def section(results: list[Result]) -> Iterator[str]:
    yield "## The original document's figures\n"
    yield ("They were stated for Gemma 3 12B in 4 bits on an Apple M4 Pro. Ours are measured on the machine above with the shape that is "
           "named, so only what does not depend on the machine can be compared; none of them is a goal.\n")
    found = [result for result in results if result.protocol == "original"]
    if not found:
        yield "Ours: not measured.\n"
    for result in found:
        yield f"Ours: {result.key}, {number(result.median('tokens of an agent'))} tokens per agent{', noisy' if result.noisy else ''}.\n"
        yield table(["figure", "document", "here"], lines_of(result))
    yield CONTRADICTIONS


def lines_of(result: Result) -> Iterator[list[str]]:
    def times(what: str, unit: str) -> str:
        row = result.row(what)
        return f"{spread(row)} {unit}" if row else "not measured"

    yield ["save", "< 200 ms", times("save, from the answer until it is on disk", "ms")]
    yield ["load of an agent", "< 500 ms", times("load of an agent, page-cached", "ms")]
    yield ["turn, cold", "8 to 10 s", times("turn, cold", "s")]
    yield ["turn, with cache", "3 to 5 s", f"{times('turn, stored, after a restart', 's')}; until the first token {times('of it, until the first token', 's')}"]
    for tokens in (100, 150, 200):
        row = result.row("creation", system_tokens=tokens)
        yield [f"creation, system prompt of {tokens} tokens", "5 to 8 s" if tokens != 150 else "", f"{spread(row)} ms" if row else "not measured"]
    yield ["model load", "7 to 10 s", f"{times('model load, page cache dropped', 's')} from disk, {times('model load, page-cached', 's')} page-cached"]
    memory, weights = result.median("memory of the process with three agents"), result.median("of it, weights")
    yield ["memory, three agents", "7.4 GB", f"{human_bytes(memory)}, of it weights {human_bytes(weights)}"]
    yield ["disk of an agent", "50 to 150 MB", human_bytes(result.median("disk of an agent"))]
