// A child process whose system calls on files are counted, and one of which is its last, or fails, or is cut
// short: by ptrace and a seccomp filter, from outside, so that nothing in the program has to know. Linux on
// x86-64.
//
// Calls on the descriptors 0 to 2 and on `report_fd` are the harness's and do not count.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace kvasir::test {

enum class Tamper {
    kNone,
    kKill,        // SIGKILL right before the call
    kFail,        // the call does not happen and returns `error`
    kShortWrite,  // half of the bytes, as POSIX allows
};

enum class Calls {
    kWriting,  // what changes files: open to create, write, sync, truncate, rename, unlink, mkdir, ...
    kAll       // and open, read, stat, list, lock, statfs
};

struct TracePlan {
    Tamper tamper = Tamper::kNone;
    Calls calls = Calls::kWriting;
    std::uint64_t nth = 0;  // from 1
    bool forever = false;   // kFail: and all after it
    int error = 0;
    int report_fd = -1;
    unsigned seconds_max = 60;
};

struct TraceOutcome {
    std::uint64_t calls = 0;  // that counted
    std::uint64_t tampered = 0;
    bool killed = false;    // by us
    bool hung = false;      // killed for taking too long
    bool crashed = false;   // by a signal of its own
    int exit_code = -1;     // of one that ended by itself
    std::string last_call;  // the one that was tampered with first
    std::map<std::string, std::uint64_t> by_name;
};

bool tracing_is_possible(std::string& why_not);
TraceOutcome run_traced(const std::function<void()>& child, const TracePlan& plan);

}  // namespace kvasir::test
