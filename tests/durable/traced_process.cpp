#include "durable/traced_process.h"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__) && defined(__x86_64__)
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
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

// At a stop before the call.
const KnownCall* counted(const user_regs_struct& registers, const TracePlan& plan) {
    const KnownCall* call = known(registers.orig_rax);
    if (call == nullptr) return nullptr;
    const auto descriptor = static_cast<int>(registers.rdi);
    const bool ours = call->has_descriptor && (descriptor <= 2 || descriptor == plan.report_fd);
    return ours ? nullptr : call;
}

constexpr std::uint32_t kTrace = SECCOMP_RET_TRACE;
constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;

sock_filter statement(std::uint16_t code, std::uint32_t value) { return {code, 0, 0, value}; }
sock_filter jump(std::uint16_t code, std::uint32_t value, std::uint8_t if_true, std::uint8_t if_false) {
    return {code, if_true, if_false, value};
}

// The kernel stops the child at these calls only: stopping at all of them takes many times as long.
void stop_at(const TracePlan& plan) {
    std::vector<sock_filter> program;
    program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    for (const KnownCall& call : kKnown) {
        if (plan.calls == Calls::kWriting && call.kind == CallKind::kReading) continue;
        const auto number = static_cast<std::uint32_t>(call.number);
        const bool looks_at_flags = plan.calls == Calls::kWriting && call.kind == CallKind::kOpen;
        program.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, number, 0, looks_at_flags ? 4 : 1));
        if (looks_at_flags) {
            const std::size_t flags = call.number == SYS_open ? 1 : 2;
            program.push_back(
                statement(BPF_LD | BPF_W | BPF_ABS,
                          static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * flags)));
            program.push_back(jump(BPF_JMP | BPF_JSET | BPF_K, O_CREAT, 0, 1));
            program.push_back(statement(BPF_RET | BPF_K, kTrace));
            program.push_back(statement(BPF_RET | BPF_K, kAllow));
        } else {
            program.push_back(statement(BPF_RET | BPF_K, kTrace));
        }
    }
    program.push_back(statement(BPF_RET | BPF_K, kAllow));
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        ::_exit(77);
}

class Tracer {
  public:
    Tracer(pid_t child, const TracePlan& plan) : child_(child), plan_(plan) {}

    TraceOutcome run() {
        int status = 0;
        ::waitpid(child_, &status, 0);  // its first stop
        ::ptrace(PTRACE_SETOPTIONS, child_, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
        int signal = 0;
        while (true) {
            if (::ptrace(PTRACE_CONT, child_, 0, signal) != 0) break;
            signal = 0;
            if (::waitpid(child_, &status, 0) != child_) break;
            if (WIFEXITED(status) || WIFSIGNALED(status)) {
                ended(status);
                break;
            }
            if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
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
        user_regs_struct registers{};
        if (::ptrace(PTRACE_GETREGS, child_, 0, &registers) != 0) return true;
        const KnownCall* call = counted(registers, plan_);
        if (call == nullptr) return true;
        ++outcome_.calls;
        ++outcome_.by_name[call->name];
        const bool now = outcome_.calls == plan_.nth || (plan_.forever && outcome_.calls > plan_.nth);
        return !now || plan_.nth == 0 || tamper(*call, registers);
    }

    bool tamper(const KnownCall& call, user_regs_struct& registers) {
        if (plan_.tamper == Tamper::kNone) return true;
        if (outcome_.tampered == 0) outcome_.last_call = call.name;
        if (plan_.tamper == Tamper::kShortWrite && (call.kind != CallKind::kWrite || registers.rdx < 2))
            return true;
        ++outcome_.tampered;
        if (plan_.tamper == Tamper::kShortWrite) {
            registers.rdx /= 2;
        } else if (plan_.tamper == Tamper::kFail) {
            registers.orig_rax = static_cast<unsigned long long>(-1);  // no call, and this is its result
            registers.rax = static_cast<unsigned long long>(-static_cast<long long>(plan_.error));
        } else {
            ::kill(child_, SIGKILL);
            int status = 0;
            ::waitpid(child_, &status, 0);
            outcome_.killed = true;
            return false;
        }
        ::ptrace(PTRACE_SETREGS, child_, 0, &registers);
        return true;
    }

    pid_t child_;
    const TracePlan& plan_;
    TraceOutcome outcome_;
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
        stop_at(plan);
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
