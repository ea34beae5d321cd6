#include "durable/traced_process.h"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/ptrace.h>
#include <sys/syscall.h>
#if defined(__x86_64__)
#include <sys/user.h>
#endif
#endif

namespace kvasir::test {

#if defined(__linux__) && defined(__x86_64__)

namespace {

enum class CallKind { kOther, kWrite, kWriting, kOpen, kReading };

struct KnownCall {
    long number;
    CallKind kind;
    const char* name;
    bool has_descriptor;  // first argument
};

constexpr KnownCall kKnown[] = {
    {SYS_write, CallKind::kWrite, "write", true},
    {SYS_pwrite64, CallKind::kWrite, "pwrite64", true},
    {SYS_fsync, CallKind::kWriting, "fsync", true},
    {SYS_fdatasync, CallKind::kWriting, "fdatasync", true},
    {SYS_ftruncate, CallKind::kWriting, "ftruncate", true},
    {SYS_fallocate, CallKind::kWriting, "fallocate", true},
    {SYS_rename, CallKind::kWriting, "rename", false},
    {SYS_renameat2, CallKind::kWriting, "renameat2", false},
    {SYS_unlink, CallKind::kWriting, "unlink", false},
    {SYS_unlinkat, CallKind::kWriting, "unlinkat", false},
    {SYS_mkdir, CallKind::kWriting, "mkdir", false},
    {SYS_fchmodat, CallKind::kWriting, "fchmodat", false},
    {SYS_chmod, CallKind::kWriting, "chmod", false},
    {SYS_fchmod, CallKind::kWriting, "fchmod", true},
    {SYS_open, CallKind::kOpen, "open", false},
    {SYS_openat, CallKind::kOpen, "openat", false},
    {SYS_read, CallKind::kReading, "read", true},
    {SYS_pread64, CallKind::kReading, "pread64", true},
    {SYS_newfstatat, CallKind::kReading, "newfstatat", false},
    {SYS_stat, CallKind::kReading, "stat", false},
    {SYS_lstat, CallKind::kReading, "lstat", false},
    {SYS_statfs, CallKind::kReading, "statfs", false},
    {SYS_getdents64, CallKind::kReading, "getdents64", true},
    {SYS_flock, CallKind::kReading, "flock", true},
};

const KnownCall* known(std::uint64_t number) {
    for (const KnownCall& call : kKnown) {
        if (static_cast<std::uint64_t>(call.number) == number) return &call;
    }
    return nullptr;
}

std::uint64_t open_flags(const KnownCall& call, const __ptrace_syscall_info& info) {
    return call.number == SYS_open ? info.entry.args[1] : info.entry.args[2];
}

const KnownCall* counted(const __ptrace_syscall_info& info, const TracePlan& plan) {
    const KnownCall* call = known(info.entry.nr);
    if (call == nullptr) return nullptr;
    const auto descriptor = static_cast<int>(info.entry.args[0]);
    if (call->has_descriptor && (descriptor <= 2 || descriptor == plan.report_fd)) return nullptr;
    if (plan.calls == Calls::kAll) return call;
    if (call->kind == CallKind::kReading) return nullptr;
    if (call->kind == CallKind::kOpen && (open_flags(*call, info) & O_CREAT) == 0) return nullptr;
    return call;
}

class Tracer {
  public:
    Tracer(pid_t child, const TracePlan& plan) : child_(child), plan_(plan) {}

    TraceOutcome run() {
        int status = 0;
        ::waitpid(child_, &status, 0);  // its first stop
        ::ptrace(PTRACE_SETOPTIONS, child_, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
        int signal = 0;
        while (true) {
            if (::ptrace(PTRACE_SYSCALL, child_, 0, signal) != 0) break;
            signal = 0;
            if (::waitpid(child_, &status, 0) != child_) break;
            if (WIFEXITED(status) || WIFSIGNALED(status)) {
                ended(status);
                break;
            }
            if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
                if (!at_call()) break;
            } else {
                signal = WSTOPSIG(status);
            }
        }
        return outcome_;
    }

  private:
    void ended(int status) {
        if (WIFEXITED(status)) outcome_.exit_code = WEXITSTATUS(status);
        if (WIFSIGNALED(status)) {
            outcome_.hung = WTERMSIG(status) == SIGALRM;
            outcome_.crashed = !outcome_.hung;
        }
    }

    // False: the child is no more.
    bool at_call() {
        __ptrace_syscall_info info{};
        if (::ptrace(PTRACE_GET_SYSCALL_INFO, child_, sizeof info, &info) <= 0) return true;
        if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
            if (failing_) set_result(-plan_.error);
            failing_ = false;
            return true;
        }
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return true;
        const KnownCall* call = counted(info, plan_);
        if (call == nullptr) return true;
        ++outcome_.calls;
        ++outcome_.by_name[call->name];
        const bool now = outcome_.calls == plan_.nth || (plan_.forever && outcome_.calls > plan_.nth);
        return !now || plan_.nth == 0 || tamper(*call, info);
    }

    bool tamper(const KnownCall& call, const __ptrace_syscall_info& info) {
        if (plan_.tamper == Tamper::kNone) return true;
        if (outcome_.tampered == 0) outcome_.last_call = call.name;
        if (plan_.tamper == Tamper::kShortWrite && (call.kind != CallKind::kWrite || info.entry.args[2] < 2))
            return true;
        ++outcome_.tampered;
        if (plan_.tamper == Tamper::kShortWrite) {
            set_count(info.entry.args[2] / 2);
        } else if (plan_.tamper == Tamper::kFail) {
            set_number(-1);
            failing_ = true;
        } else {
            ::kill(child_, SIGKILL);
            int status = 0;
            ::waitpid(child_, &status, 0);
            outcome_.killed = true;
            return false;
        }
        return true;
    }

    void poke(std::size_t offset, std::uint64_t value) { ::ptrace(PTRACE_POKEUSER, child_, offset, value); }
    void set_number(long number) {
        poke(offsetof(user, regs) + offsetof(user_regs_struct, orig_rax), static_cast<std::uint64_t>(number));
    }
    void set_result(long result) {
        poke(offsetof(user, regs) + offsetof(user_regs_struct, rax), static_cast<std::uint64_t>(result));
    }
    void set_count(std::uint64_t count) {
        poke(offsetof(user, regs) + offsetof(user_regs_struct, rdx), count);
    }

    pid_t child_;
    const TracePlan& plan_;
    TraceOutcome outcome_;
    bool failing_ = false;
};

}  // namespace

bool tracing_is_possible(std::string& why_not) {
    const TraceOutcome outcome = run_traced([] {}, {});
    why_not = outcome.exit_code == 0 ? "" : "ptrace of a child is not permitted here";
    return outcome.exit_code == 0;
}

TraceOutcome run_traced(const std::function<void()>& child, const TracePlan& plan) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::raise(SIGSTOP);
        ::alarm(plan.seconds_max);
        child();
        ::_exit(0);
    }
    return Tracer(pid, plan).run();
}

#else

bool tracing_is_possible(std::string& why_not) {
    why_not = "system calls are tampered with on Linux on x86-64 only";
    return false;
}

TraceOutcome run_traced(const std::function<void()>&, const TracePlan&) { return {}; }

#endif

}  // namespace kvasir::test
