"""report_test.py BENCH: verdicts, growth and workloads on figures whose answers are known."""

import io
import sys
import unittest
from pathlib import Path

BENCH = Path(sys.argv.pop(1))
sys.path.insert(0, str(BENCH))
import workload  # noqa: E402
from driver.results import Rows  # noqa: E402
from driver.stats import growth_exponent  # noqa: E402
from reporting import goals  # noqa: E402
from reporting.read import Result  # noqa: E402


def result(protocol: str, rows: Rows) -> Result:
    return Result(Path("none"), {"protocol": protocol, "model": {"shape": "demo", "weights": "its own"}, "kv_type": "f16",
                                 "noise": {"noisy": False}, "notes": rows.notes, "rows": rows.as_json()})


class Verdicts(unittest.TestCase):
    def first_tokens(self, after_ms: float) -> Result:
        rows = Rows()
        for state, value in (("cold", 1000.0), ("resident", 100.0), ("page-cached", after_ms)):
            rows.add("kvasir", "first token", "ms", value, size=1024, state=state, kind="extended")
            rows.add("kvasir", "first token", "ms", 1.0, size=1024, state=state, kind="identical")  # never compared across kinds
        return result("first_token", rows)

    def test_a_restart_that_costs_four_percent_is_good_enough(self) -> None:
        self.assertEqual([v.met for v in goals.after_restart(self.first_tokens(104))], [True])
        self.assertEqual([v.met for v in goals.against_cold(self.first_tokens(104))], [True])

    def test_one_that_costs_ten_percent_is_not(self) -> None:
        self.assertEqual([v.met for v in goals.after_restart(self.first_tokens(110))], [False])
        self.assertEqual([v.met for v in goals.against_cold(self.first_tokens(110))], [False])

    def test_the_whole_cache_written_again_is_missed(self) -> None:
        rows = Rows()
        for size, written in ((1024, 250_000.0), (8192, 8_300_000.0)):
            rows.add("kvasir", "KV bytes written", "B", written, size=size)
            rows.add("kvasir", "new tokens of the turn", "tokens", 40, size=size)
            rows.add("kvasir", "bytes per token", "B", 1000, size=size)
        self.assertEqual([v.met for v in goals.written(result("written", rows))], [True, False])

    def test_what_was_not_measured_has_no_verdict(self) -> None:
        for goal in goals.GOALS:
            self.assertEqual(list(goal.judge(result(goal.protocol, Rows()))), [])


class Growth(unittest.TestCase):
    def test_exponents(self) -> None:
        self.assertAlmostEqual(growth_exponent([(x, 3 * x ** 2) for x in (1, 2, 4, 8)]) or 0, 2)
        self.assertAlmostEqual(growth_exponent([(x, 7) for x in (1, 2, 4)]) or 0, 0)
        self.assertIsNone(growth_exponent([(1, 1), (2, 2)]))


class Workloads(unittest.TestCase):
    def test_a_trace_comes_back_as_it_was_written(self) -> None:
        trace, file = workload.Generator(workload.Shape(sessions=5)).all(), io.StringIO()
        workload.write_csv(trace, file)
        file.seek(0)
        back = workload.read_csv(file)
        self.assertEqual([(r.session_id, r.input_len, r.after, r.parent) for r in back],
                         [(r.session_id, r.input_len, r.after, r.parent) for r in trace])

    def test_the_same_seed_gives_the_same_trace_within_the_context(self) -> None:
        shape = workload.Shape(sessions=5, context=2048)
        trace = workload.Generator(shape).all()
        self.assertEqual(trace, workload.Generator(shape).all())
        self.assertLessEqual(max(r.prefix_len + r.input_len + r.output_len for r in trace), 2048)

    def test_appended_lengths_have_the_published_median(self) -> None:
        generator = workload.Generator(workload.Shape(tokens_by=1))
        lengths = sorted(generator.tokens(6.30, 1.90, 16, 32000) for _ in range(4001))
        self.assertAlmostEqual(lengths[2000] / 546, 1, delta=0.15)


if __name__ == "__main__":
    unittest.main()
