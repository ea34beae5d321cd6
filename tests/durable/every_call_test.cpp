// kill -9 at every system call that writes, and every call on files failing: of talking, collecting, erasing
// and recovering. By ptrace, on the real file system: what the program says it did is what it is held to.
#include <cerrno>
#include <iostream>
#include <set>
#include <sstream>

#include "durable/script.h"
#include "durable/traced_process.h"
#include <gtest/gtest.h>
#include <unistd.h>

namespace kvasir::test {
namespace {

NodeOptions options_on(const std::string& root) {
    NodeOptions options;
    options.root = root;
    options.engine = durable_engine(true);
    return options;
}

// A kind of work, on a copy of a store that is prepared for it.
struct Session {
    std::string name;
    Script script;
    std::string prepared;  // "" from nothing
    Conversations before;
};

// What the child tells over a pipe: an operation and how it ended.
class Reports {
  public:
    Reports() {
        if (::pipe(ends_) != 0) throw std::runtime_error("pipe");
    }
    ~Reports() {
        ::close(ends_[0]);
        if (ends_[1] >= 0) ::close(ends_[1]);
    }
    Reports(const Reports&) = delete;
    Reports& operator=(const Reports&) = delete;
    int write_end() const { return ends_[1]; }
    void tell(bool good) const {
        const char byte = good ? '1' : '0';
        if (::write(ends_[1], &byte, 1) != 1) ::_exit(3);
    }
    std::vector<bool> all() {
        ::close(ends_[1]);
        ends_[1] = -1;
        std::vector<bool> told;
        for (char byte = 0; ::read(ends_[0], &byte, 1) == 1;) told.push_back(byte == '1');
        return told;
    }

  private:
    int ends_[2] = {-1, -1};
};

constexpr int kDoesNotOpen = 9;

struct Attempt {
    TraceOutcome trace;
    std::vector<bool> reports;
    std::string root;
};

class EveryCall : public testing::Test {
  protected:
    void SetUp() override {
        std::string why_not;
        if (!tracing_is_possible(why_not)) GTEST_SKIP() << why_not;
        prepare();
    }

    std::vector<Session> sessions() const {
        return {{"talking", talking(), empty_, {}},
                {"collecting", collecting(), talked_, after_talking_},
                {"erasing", erasing(), talked_, after_talking_},
                {"recovering", recovering(), broken_, after_talking_}};
    }

    // Runs the session in a child that is tampered with, on a store of its own.
    Attempt run(const Session& session, TracePlan plan) {
        Attempt run;
        run.root = scratch_.fresh();
        Scratch::copy(session.prepared, run.root);
        Reports reports;
        plan.report_fd = reports.write_end();
        run.trace = run_traced(
            [&] {
                const auto node = Node::open(options_on(run.root));
                if (!node) ::_exit(kDoesNotOpen);
                run_script(**node, session.script, [&](std::size_t, bool good) { reports.tell(good); });
            },
            plan);
        run.reports = reports.all();
        return run;
    }

    // What is wrong with the store that is left: a program that opens it must find all that was acknowledged.
    std::vector<std::string> wrong_with(const Session& session, const Attempt& run, bool killed) {
        auto node = Node::open(options_on(run.root));
        if (!node) return {"it does not open: " + node.error().message};
        std::vector<std::string> wrong;
        const auto add = [&](const std::vector<std::string>& more) {
            wrong.insert(wrong.end(), more.begin(), more.end());
        };
        if (const Status catalog = (*node)->store().catalog().check(); !catalog)
            wrong.push_back(catalog.error().message);
        add(killed ? compare_after_kill(**node, session.before, session.script, run.reports.size())
                   : compare_after_faults(**node, session.before, session.script, run.reports));
        add(wrong_words(session, run, **node));
        const CheckReport repaired = check(**node, Repair::kYes);
        // Only the recovering session begins with damage.
        if (session.name != "recovering" && repaired.damaged + repaired.missing > 0)
            wrong.push_back("the catalog knows a block that is damaged or missing: " +
                            repaired.findings.front().file);
        for (const auto& [agent, texts] : conversations_of(**node)) {
            if (const auto said = (*node)->say(agent, "go on"); !said) wrong.push_back(said.error().message);
        }
        add(wrong_answers(**node));
        const CheckReport report = check(**node, Repair::kNo);
        if (!report.good()) wrong.push_back("fsck: " + report.findings.front().what);
        return wrong;
    }

    // Eve's words are gone once her removal was acknowledged, and for whoever died meanwhile after files were
    // reconciled.
    std::vector<std::string> wrong_words(const Session& session, const Attempt& run, Node& node) {
        if (session.name != "erasing" || run.reports.empty() || !run.reports.front()) return {};
        if (!node.store().remove_unknown_files()) return {"files were not reconciled"};
        const auto found = files_holding(run.root, "the secret is 481726");
        return found.empty() ? found
                             : std::vector<std::string>{"words of an erased agent in " + found.front()};
    }

    Scratch scratch_;

  private:
    void prepare() {
        empty_ = scratch_.fresh();
        { ASSERT_TRUE(Node::open(options_on(empty_))); }
        talked_ = scratch_.fresh();
        Scratch::copy(empty_, talked_);
        for (const Op& op : talking()) apply(op, after_talking_);
        {
            auto node = Node::open(options_on(talked_));
            ASSERT_TRUE(node);
            run_script(**node, talking(), [](std::size_t op, bool good) { ASSERT_TRUE(good) << op; });
        }
        break_a_store();
    }

    // One whose process died between a block file and its row, with a damaged file and a missing one.
    void break_a_store() {
        broken_ = scratch_.fresh();
        Scratch::copy(talked_, broken_);
        auto node = Node::open(options_on(broken_));
        ASSERT_TRUE(node);
        const auto agent = (*node)->store().catalog().agent("ada");
        const auto blocks = (*node)->store().catalog().referenced_blocks(agent->id);
        ASSERT_GE(blocks->size(), 3u);
        const auto path = [&](std::size_t i) {
            return (*node)->store().blocks().path_of((*blocks)[i].kind, (*blocks)[i].name);
        };
        ASSERT_EQ(::truncate(path(0).c_str(), 100), 0);
        ASSERT_EQ(::unlink(path(1).c_str()), 0);
        Scratch::copy(path(2), path(2).substr(0, path(2).size() - 20) + "0000.safetensors");
    }

    std::string empty_;
    std::string talked_;
    std::string broken_;
    Conversations after_talking_;
};

class SoakEveryCall : public EveryCall {};

struct KillFigures {
    std::uint64_t points = 0;
    std::uint64_t visited = 0;
    std::uint64_t wrong = 0;
};

template <class Test>
class Killing : public Test {
  protected:
    // stride 1: every point.
    void kill_at_every_call(std::uint64_t stride) {
        KillFigures all;
        for (const Session& session : this->sessions()) {
            const Attempt undisturbed = this->run(session, {});
            ASSERT_EQ(undisturbed.trace.exit_code, 0) << session.name;
            ASSERT_EQ(this->wrong_with(session, undisturbed, true), std::vector<std::string>())
                << session.name;
            KillFigures figures;
            figures.points = undisturbed.trace.calls;
            // The last one is past the end.
            for (std::uint64_t nth = 1; nth <= figures.points; nth += stride) {
                TracePlan plan;
                plan.tamper = Tamper::kKill;
                plan.nth = nth;
                const Attempt run = this->run(session, plan);
                if (!run.trace.killed) continue;
                ++figures.visited;
                const auto wrong = this->wrong_with(session, run, true);
                if (!wrong.empty()) ++figures.wrong;
                EXPECT_EQ(wrong, std::vector<std::string>())
                    << session.name << ", killed at call " << nth << ", " << run.trace.last_call;
                Scratch::remove(run.root);
            }
            tell(session.name, figures, undisturbed.trace);
            all.points += figures.points;
            all.visited += figures.visited;
            all.wrong += figures.wrong;
        }
        EXPECT_GE(all.visited * stride, all.points * 95 / 100);
        if (stride == 1) {
            EXPECT_EQ(all.visited, all.points) << "each point, once";
        }
        std::cout << "[ figure   ] kill at every writing call: " << all.visited << " of " << all.points
                  << " points, " << all.wrong << " with anything lost or wrong\n";
    }

  private:
    static void tell(const std::string& name, const KillFigures& figures, const TraceOutcome& trace) {
        std::ostringstream calls;
        for (const auto& [call, count] : trace.by_name) calls << " " << call << " " << count;
        std::cout << "[ figure   ]   " << name << ": " << figures.visited << " of " << figures.points
                  << " points (" << calls.str().substr(1) << "), " << figures.wrong << " wrong\n";
    }
};

using KillTest = Killing<EveryCall>;
using SoakKillTest = Killing<SoakEveryCall>;
TEST_F(KillTest, AtSomeCallsLosesNothing) { kill_at_every_call(9); }
TEST_F(SoakKillTest, AtEveryCallLosesNothing) { kill_at_every_call(1); }

struct Fault {
    const char* name;
    Tamper tamper;
    int error;
    bool forever;
};

constexpr Fault kFaults[] = {
    {"ENOSPC once", Tamper::kFail, ENOSPC, false},
    {"ENOSPC for ever", Tamper::kFail, ENOSPC, true},
    {"EIO once", Tamper::kFail, EIO, false},
    {"EIO for ever", Tamper::kFail, EIO, true},
    {"EMFILE once", Tamper::kFail, EMFILE, false},
    {"EMFILE for ever", Tamper::kFail, EMFILE, true},
    {"EACCES once", Tamper::kFail, EACCES, false},
    {"EACCES for ever", Tamper::kFail, EACCES, true},
    {"short write once", Tamper::kShortWrite, 0, false},
    {"short writes for ever", Tamper::kShortWrite, 0, true},
};

struct FaultFigures {
    std::uint64_t runs = 0;
    std::uint64_t crashed = 0;
    std::uint64_t hung = 0;
    std::uint64_t wrong = 0;
    std::uint64_t refused = 0;  // at least one operation failed, or the store did not open
};

template <class Test>
class Failing : public Test {
  protected:
    void fail_every_call(std::uint64_t stride) {
        FaultFigures all;
        for (const Session& session : this->sessions()) {
            TracePlan count;
            count.calls = Calls::kAll;
            const std::uint64_t calls = this->run(session, count).trace.calls;
            std::uint64_t offset = 0;
            for (const Fault& fault : kFaults) {
                // Others each time, so that strides cover more.
                for (std::uint64_t nth = 1 + offset++ % stride; nth <= calls; nth += stride)
                    fail_one(session, fault, nth, all);
            }
        }
        EXPECT_EQ(all.crashed, 0u);
        EXPECT_EQ(all.hung, 0u);
        EXPECT_GT(all.refused, all.runs / 10) << "the faults did nothing";
        std::cout << "[ figure   ] failing calls: " << all.runs << " runs, " << all.refused
                  << " in which something was refused; " << all.crashed << " crashes, " << all.hung
                  << " hangs, " << all.wrong << " false acknowledgements or losses\n";
    }

  private:
    void fail_one(const Session& session, const Fault& fault, std::uint64_t nth, FaultFigures& all) {
        TracePlan plan;
        plan.calls = Calls::kAll;
        plan.tamper = fault.tamper;
        plan.error = fault.error;
        plan.forever = fault.forever;
        plan.nth = nth;
        const Attempt run = this->run(session, plan);
        ++all.runs;
        if (run.trace.crashed) ++all.crashed;
        if (run.trace.hung) ++all.hung;
        const bool some_failed =
            std::find(run.reports.begin(), run.reports.end(), false) != run.reports.end();
        if (some_failed || run.trace.exit_code == kDoesNotOpen) ++all.refused;
        const auto wrong = this->wrong_with(session, run, false);
        if (!wrong.empty()) ++all.wrong;
        EXPECT_EQ(wrong, std::vector<std::string>())
            << session.name << ", " << fault.name << " at call " << nth << ", " << run.trace.last_call;
        EXPECT_FALSE(run.trace.crashed) << session.name << ", " << fault.name << " at call " << nth;
        Scratch::remove(run.root);
    }
};

using FaultTest = Failing<EveryCall>;
using SoakFaultTest = Failing<SoakEveryCall>;
TEST_F(FaultTest, SomeCallsAreToldOrOvercome) { fail_every_call(211); }
TEST_F(SoakFaultTest, EveryCallIsToldOrOvercome) { fail_every_call(7); }

// Controls: the comparison sees a turn that was acknowledged and is not there, and one that nobody said.
TEST_F(EveryCall, ControlTheComparisonSeesWhatIsLost) {
    const Session session = sessions().front();
    const Attempt whole = run(session, {});
    auto node = Node::open(options_on(whole.root));
    ASSERT_TRUE(node);
    EXPECT_EQ(compare_after_kill(**node, {}, session.script, session.script.size()),
              std::vector<std::string>());
    ASSERT_TRUE((*node)->memory().roll_back("ada", 1));
    EXPECT_NE(compare_after_kill(**node, {}, session.script, session.script.size()),
              std::vector<std::string>());
    EXPECT_NE(compare_after_faults(**node, {}, session.script, whole.reports), std::vector<std::string>());
    ASSERT_TRUE((*node)->say("ada", "nobody said this"));
    EXPECT_NE(compare_after_kill(**node, {}, session.script, session.script.size()),
              std::vector<std::string>());
    ASSERT_TRUE((*node)->memory().remove("ann"));
    EXPECT_NE(compare_after_faults(**node, {}, session.script, whole.reports), std::vector<std::string>());
}

}  // namespace
}  // namespace kvasir::test
