// 200 agents on 3 places: peak memory stays that of 3 agents, and every agent resumes.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>

#include "oracle/stack.h"
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kvasir::test {
namespace {

constexpr std::uint32_t kMessagesRandom = 120;

std::string agent_name(std::uint32_t i) { return "agent-" + std::to_string(i); }

// Creates `agents` agents, talks to random ones, restarts once in the middle. False on any error.
bool live(std::uint32_t agents, const std::string& home) {
    StackOptions options;
    options.model_path = KVASIR_DEMO_MODEL;
    options.context_tokens = 4096;  // room for all that three agents are told
    std::mt19937 random(agents);
    MessageOptions message;
    message.answer_tokens_max = 6;
    for (int session = 0; session < 2; ++session) {
        auto stack = Stack::open(options, home);
        if (!stack) return false;
        AgentMemory& memory = (*stack)->memory();
        for (std::uint32_t i = 0; session == 0 && i < agents; ++i) {
            if (!memory.create(agent_name(i), "tester", "You are agent number " + std::to_string(i) + "."))
                return false;
        }
        for (std::uint32_t i = 0; i < kMessagesRandom; ++i) {
            const auto turn = memory.message(agent_name(static_cast<std::uint32_t>(random()) % agents),
                                             "The code is " + std::to_string(i) + ".", message);
            if (!turn || !turn->warning.empty()) return false;
            if (turn->metrics.evaluated_tokens >= turn->metrics.prompt_tokens) return false;
        }
    }
    return true;
}

// Peak resident kilobytes of a child process that lives with `agents` agents; 0 when it failed.
std::uint64_t peak_kilobytes(std::uint32_t agents) {
    const ScratchDirectory home;
    const pid_t child = ::fork();
    if (child == 0) ::_exit(live(agents, home.path()) ? 0 : 1);
    int status = 0;
    rusage usage{};
    if (::wait4(child, &status, 0, &usage) != child || status != 0) return 0;
    return static_cast<std::uint64_t>(usage.ru_maxrss);
}

TEST(ManyAgents, PeakMemoryOf200IsThatOfThree) {
    const std::uint64_t three = peak_kilobytes(3);
    const std::uint64_t many = peak_kilobytes(200);
    ASSERT_GT(three, 0U);
    ASSERT_GT(many, 0U);
    RecordProperty("peak_kilobytes_3", static_cast<int>(three));
    RecordProperty("peak_kilobytes_200", static_cast<int>(many));
    EXPECT_LE(static_cast<double>(many), 1.10 * static_cast<double>(three));
}

// What the kernel says that this process holds in memory now.
double resident_bytes() {
    std::ifstream file("/proc/self/smaps_rollup");
    for (std::string key; file >> key;) {
        double kilobytes = 0;
        if (key == "Rss:" && file >> kilobytes) return kilobytes * 1024;
    }
    return 0;
}

// With a pool that outweighs everything else: its bytes are accounted right, and the total is what the
// process takes.
bool usage_is_within_5_percent(const std::string& home) {
    StackOptions options;
    options.model_path = KVASIR_DEMO_MODEL;
    options.kv_cells = 400'000;
    const double before_bytes = resident_bytes();
    auto stack = Stack::open(options, home);
    if (!stack || !(*stack)->memory().create("one", "tester", "You are one.")) return false;
    if (!(*stack)->memory().message("one", "The code is 7.", {})) return false;
    const MemoryUsage usage = (*stack)->memory().memory_usage();
    const double process_bytes = resident_bytes();
    const double told_bytes = static_cast<double>(usage.total_bytes);
    const double pool_bytes = static_cast<double>(usage.engine.kv_pool_bytes);
    std::printf("told: total %.1f MB, KV pool %.1f MB; the kernel: %.1f MB, of it %.1f MB since the start\n",
                told_bytes / 1e6, pool_bytes / 1e6, process_bytes / 1e6,
                (process_bytes - before_bytes) / 1e6);
    std::fflush(stdout);
    return told_bytes >= 0.95 * process_bytes && told_bytes <= 1.05 * process_bytes &&
           pool_bytes <= 1.05 * (process_bytes - before_bytes) &&
           pool_bytes >= 0.80 * (process_bytes - before_bytes);
}

TEST(MemoryUsage, TotalIsWithinFivePercentOfWhatTheProcessTakes) {
    const ScratchDirectory home;
    const pid_t child = ::fork();
    if (child == 0) ::_exit(usage_is_within_5_percent(home.path()) ? 0 : 1);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace kvasir::test
