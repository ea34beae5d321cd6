"""The goals, one function each: from results to verdicts. Nothing measured: no verdict."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .read import Result
from .tables import human_bytes, number

BLOCK_TOKENS = 256


@dataclass
class Verdict:
    result: Result
    what: str
    figure: str
    met: bool


@dataclass
class Goal:
    number: int
    text: str
    protocol: str
    command: str
    judge: Callable[[Result], Iterator[Verdict]]

    def verdicts(self, results: list[Result]) -> list[Verdict]:
        """The demo model's steps are too short for the others."""
        return [verdict for result in results if result.protocol == self.protocol and
                (result.shape != "demo" or self.number in (11, 13)) for verdict in self.judge(result)]


def ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


def first_token_of(result: Result, size: int, state: str, server: str = "kvasir") -> float | None:
    return result.median("first token", server=server, size=size, state=state, kind="extended")


# Rows of a sliding window, and the bytes of one in all of its layers: what "stored KV" leaves out. Of whole models, f16.
WINDOWS = {"gemma3-12b": (1024, 40 * 2 * 8 * 256 * 2)}


def window_of(result: Result) -> tuple[int, int]:
    whole = result.data["kv_type"] == "f16" and not result.data["model"].get("layers")
    return WINDOWS.get(result.shape, (0, 0)) if whole else (0, 0)


def restored_bytes(result: Result, size: int, state: str) -> float | None:
    """Of the rows that came back. What is stored of an agent holds the ends of other answers, too, so a token's bytes are taken
    from the size where that weighs least: 2 to 7 % too many."""
    reused = {n: result.median("reused tokens", server="kvasir", size=n, state=state, kind="extended") for n in result.values_of("size")}
    stored = {n: result.median("stored KV of the agent", size=n) for n in reused}
    per_token = [stored[n] / tokens for n, tokens in reused.items() if tokens and stored[n]]
    tokens = reused.get(size)
    window_tokens, window_token_bytes = window_of(result)
    return min(per_token) * tokens + min(tokens, window_tokens) * window_token_bytes if per_token and tokens else None


def after_restart(result: Result) -> Iterator[Verdict]:
    read_rate = result.median("sequential read")
    for size in result.values_of("size"):
        resident = first_token_of(result, size, "resident")
        factor = ratio(first_token_of(result, size, "page-cached"), resident)
        if factor:
            yield Verdict(result, f"{size} tokens, page-cached", f"{factor:.3f}", factor <= 1.05)
        dropped, read = first_token_of(result, size, "page cache dropped"), restored_bytes(result, size, "page cache dropped")
        if dropped and resident and read and read_rate:
            factor = dropped / (resident + 1000 * read / read_rate)
            yield Verdict(result, f"{size} tokens, page cache dropped", f"{factor:.3f}", factor <= 1.05)


def against_cold(result: Result) -> Iterator[Verdict]:
    for size in result.values_of("size"):
        cold, resident, after = (first_token_of(result, size, state) for state in ("cold", "resident", "page-cached"))
        if cold and resident and after:
            share = (cold / after) / (cold / resident)
            yield Verdict(result, f"{size} tokens", f"{cold / after:.1f}x of at most {cold / resident:.1f}x: {share:.3f}", share >= 0.95)


def restore_rate(result: Result) -> Iterator[Verdict]:
    for size in result.values_of("size"):
        for state, name, least in (("page-cached", "memcpy", 0.5), ("page cache dropped", "sequential read", 0.9)):
            took, rate = result.median("restore", server="kvasir", size=size, state=state, kind="extended"), result.median(name)
            restored = restored_bytes(result, size, state)
            if restored and took and rate:
                share = 1000 * restored / took / rate
                told = " (rows of full layers alone)" if result.shape.startswith("gemma") and window_of(result) == (0, 0) else ""
                yield Verdict(result, f"{size} tokens, {state}", f"{human_bytes(1000 * restored / took)}/s{told}, {share:.2f} of {name}", share >= least)


def written(result: Result) -> Iterator[Verdict]:
    for size in result.values_of("size"):
        row, tokens = result.row("KV bytes written", server="kvasir", size=size), result.row("new tokens of the turn", server="kvasir", size=size)
        per_token = result.median("bytes per token", size=size)
        if row and tokens and per_token:
            bound = (tokens["max"] + BLOCK_TOKENS) * per_token * 1.01  # headers of files
            text = f"{human_bytes(row['median'])} (most {human_bytes(row['max'])}) for {number(tokens['median'])} tokens; bound {human_bytes(bound)}"
            peer = result.median("KV bytes written", server="llama-server", size=size)
            yield Verdict(result, f"at {size} tokens", text + (f"; llama-server's file {human_bytes(peer)}" if peer else ""), row["max"] <= bound)


def stall(result: Result) -> Iterator[Verdict]:
    chunk = result.median("one chunk alone", server="kvasir")
    for size in result.values_of("size"):
        step = result.median("decode step", server="kvasir", size=size)
        for what in ("save", "restore", "prefill"):
            row = result.row(f"longest gap: {what}", server="kvasir", size=size)
            if not row or not step or not chunk:
                continue
            extra, allowed = row["median"] - step, step if what != "prefill" else chunk
            peer = result.median(f"longest gap: {what}", server="llama-server", size=size)
            text = f"{number(extra)} ms beside a step of {number(step)} ms; allowed {number(allowed)} ms"
            yield Verdict(result, f"{what} of {size} tokens", text + (f"; llama-server {number(peer)} ms" if peer else ""), extra <= allowed)


def rates(result: Result) -> Iterator[Verdict]:
    for what in ("cold prefill", "decode"):
        for size in result.values_of("size"):
            ours, peer = (result.median(what, server=name, size=size) for name in ("kvasir", "llama-server"))
            share = ratio(ours, peer)
            if share:
                yield Verdict(result, f"{what}, {size} tokens", f"{number(ours)} against {number(peer)} tokens/s: {share:.3f}", share >= 0.98)


def active(result: Result) -> Iterator[Verdict]:
    for what in ("prompts resident", "with their prompts", "while all four decode"):
        ours = result.median(what, server="kvasir")
        peers = {name: value for name in ("llama-server", "llama-server, a part for each slot") if (value := result.median(what, server=name))}
        for name, value in peers.items():
            share = ratio(ours, value)
            if share:
                yield Verdict(result, f"{what}, {name}" if len(peers) > 1 else what, f"{number(ours)} against {number(value)} tokens/s: {share:.3f}", share >= 1)


def taking_turns(result: Result) -> Iterator[Verdict]:
    peers = [name for name in ("llama-server", "llama-server, slots by hand")]
    for what, most in (("later rounds", 0.5), ("round after a restart", 0.2)):
        ours = result.median(what, server="kvasir")
        theirs = {name: value for name in peers if (value := result.median(what, server=name))}
        if not ours or not theirs:
            continue
        # Slots by hand are a program around llama-server; after a restart without it nothing is there.
        best = min(theirs, key=lambda name: theirs[name])
        for name in theirs:
            share = ours / theirs[name]
            yield Verdict(result, f"{what}, {name}" + (" (its best)" if name == best else ""),
                          f"{number(ours)} against {number(theirs[name])} s: {share:.2f}", share <= most)


def shared(result: Result) -> Iterator[Verdict]:
    counts = sorted({row["agents"] for row in result.rows("KV on disk of all", server="kvasir")})
    if len(counts) == 2:
        few, many = (result.median("KV on disk of all", server="kvasir", agents=count) for count in counts)
        factor = ratio(many, few)
        if factor:
            yield Verdict(result, f"disk, {counts[1]} agents against {counts[0]}", f"{human_bytes(many)}, {factor:.3f}x", factor <= 1.01)
    first, later = (result.median("creation", server="kvasir", which=which) for which in ("first", "later"))
    share = ratio(later, first)
    if share:
        yield Verdict(result, "creation of a later one", f"{number(later)} ms, {share:.1%} of {number(first)} ms", share <= 0.05)


def capacity(result: Result) -> Iterator[Verdict]:
    if result.shape != "gemma3-12b":
        return
    for kv_type, least in (("q4_0", 38), ("q8_0", 20), ("f16", 10)):
        agents = result.median("agents in 10.2 GB", kv_type=kv_type)
        if agents is not None:
            of_one = result.median("bytes of one agent, whole shape", kv_type=kv_type)
            yield Verdict(result, kv_type, f"{agents:.0f} (one takes {human_bytes(of_one)}); goal {least}", agents >= least)


def start(result: Result) -> Iterator[Verdict]:
    empty = result.median("ready", agents=0)
    for count in result.values_of("agents"):
        for what in ("ready", "ready, catalog not in the page cache"):
            ready = result.median(what, agents=count)
            if ready and empty and count:
                name = f"{count:,} agents" + (", catalog not in the page cache" if "cache" in what else "")
                yield Verdict(result, name, f"{ready - empty:+.0f} ms beside {empty:.0f} ms of an empty store", ready - empty <= 1000)


def recall(result: Result) -> Iterator[Verdict]:
    base = result.median("facts recalled", kv_type="f16", state="never stopped")
    for kv_type in ("f16", "q8_0", "q4_0"):
        before, after = (result.median("facts recalled", kv_type=kv_type, state=state) for state in ("never stopped", "after a restart"))
        if before is None or after is None or base is None:
            continue
        good = after == before and (kv_type != "q8_0" or abs(after - base) <= 0.01)
        yield Verdict(result, kv_type, f"{after:.3f} after a restart, {before:.3f} never stopped, {base:.3f} f16", good)


RUN = "KVASIR_BENCH={} make bench"
GOALS = [
    Goal(1, "First token after a restart against the same turn resident: at most 1.05; page cache dropped: at most 1.05 of resident + bytes / sequential read rate", "first_token", RUN.format("first_token"), after_restart),
    Goal(2, "First token after a restart against cold prefill: at least 0.95 of cold / resident", "first_token", RUN.format("first_token"), against_cold),
    Goal(3, "Restore rate: at least 0.5 of memcpy page-cached, 0.9 of the sequential read rate cold", "first_token", RUN.format("first_token"), restore_rate),
    Goal(4, "Bytes written per turn: new tokens x bytes per token and at most one partial block", "written", RUN.format("written"), written),
    Goal(5, "Stall of another stream: at most one decode step for save and restore, one chunk for a prefill", "stall", RUN.format("stall"), stall),
    Goal(6, "Cold prefill and single-stream decode: at least 0.98 of llama-server", "rates", RUN.format("rates"), rates),
    Goal(7, "Tokens a second with 4 active agents: at least llama-server's", "active", RUN.format("active"), active),
    Goal(8, "Ten agents taking turns with room for five, equal RAM: at most 0.5 of llama-server's best, 0.2 after a restart", "taking_turns", RUN.format("taking_turns"), taking_turns),
    Goal(9, "Agents with one 2K system prompt: disk 1x, creation of a later one at most 5 % of a cold one", "shared", RUN.format("shared"), shared),
    Goal(10, "Agents at 8K in 10.2 GB, Gemma 3 12B shape: at least 38 q4_0, 20 q8_0, 10 f16", "capacity", RUN.format("capacity"), capacity),
    Goal(11, "Ready with 10,000 stored agents: at most 1 s beyond an empty store", "start", RUN.format("start"), start),
    Goal(13, "Recall through save and restore: equal to never stopped, q8_0 within 1 point of f16", "recall", RUN.format("recall"), recall),
]
