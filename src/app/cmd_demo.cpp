// `kvasir demo`: the story in two real processes over one store.

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/demo_session.h"
#include "app/terminal.h"

namespace kvasir {

namespace {

// A store of the demo's own, removed at the end unless it is to be kept or was named by the user.
class DemoStore {
  public:
    static Result<DemoStore> make(const Config& config, const DemoArguments& arguments) {
        if (!config.home.empty()) return DemoStore(config.home, true);
        std::error_code error;
        std::string path = (std::filesystem::temp_directory_path(error) / "kvasir-demo-XXXXXX").string();
        if (error || ::mkdtemp(path.data()) == nullptr) {
            return fail(ErrorCode::kIo,
                        fmt::format("cannot make a temporary directory: {}; give one with --home",
                                    std::strerror(errno)));
        }
        return DemoStore(path, arguments.keep);
    }
    ~DemoStore() {
        std::error_code ignored;
        if (!keep_) std::filesystem::remove_all(path_, ignored);
    }
    DemoStore(DemoStore&& other) noexcept
        : path_(std::move(other.path_)), keep_(std::exchange(other.keep_, true)) {}
    DemoStore(const DemoStore&) = delete;
    DemoStore& operator=(const DemoStore&) = delete;
    DemoStore& operator=(DemoStore&&) = delete;

    const std::string& path() const { return path_; }
    bool kept() const { return keep_; }

  private:
    DemoStore(std::string path, bool keep) : path_(std::move(path)), keep_(keep) {}

    std::string path_;
    bool keep_;
};

std::vector<std::string> child_arguments(const Config& config, const std::string& home, int session,
                                         std::uint32_t seed) {
    std::vector<std::string> arguments = {executable_path(), "demo",
                                          "--session",       std::to_string(session),
                                          "--facts-seed",    std::to_string(seed),
                                          "--home",          home,
                                          "--model",         model_of(config),
                                          "--max-agents",    std::to_string(config.agents_resident_max),
                                          "--max-tokens",    std::to_string(config.answer_tokens_max),
                                          "--threads",       std::to_string(config.threads),
                                          "--restore",       "always",  // that is what is shown
                                          "--cache-type-k",  config.kv_type_k,
                                          "--cache-type-v",  config.kv_type_v,
                                          "--gpu-layers",    std::to_string(config.gpu_layers)};
    if (config.context_tokens > 0)
        arguments.insert(arguments.end(), {"--ctx-size", std::to_string(config.context_tokens)});
    if (config.kv_cells > 0)
        arguments.insert(arguments.end(), {"--kv-cells", std::to_string(config.kv_cells)});
    if (config.quiet) arguments.emplace_back("--quiet");
    return arguments;
}

// Runs this program again and waits for it; its output goes where ours does.
Result<ExitCode> run_process(std::vector<std::string> arguments) {
    std::vector<char*> pointers;
    pointers.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    const pid_t child = ::fork();
    if (child < 0)
        return fail(ErrorCode::kIo, fmt::format("cannot start a process: {}", std::strerror(errno)));
    if (child == 0) {
        ::execv(pointers.front(), pointers.data());
        ::_exit(127);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        return fail(WTERMSIG(status) == SIGINT ? ErrorCode::kCancelled : ErrorCode::kIo,
                    fmt::format("the demo's process ended by signal {}", WTERMSIG(status)));
    }
    return static_cast<ExitCode>(WEXITSTATUS(status));
}

Result<ExitCode> tell_story(const Config& config, const DemoArguments& arguments) {
    KVASIR_TRY_ASSIGN(const DemoStore store, DemoStore::make(config, arguments));
    const std::uint32_t seed = std::random_device{}();
    std::fflush(stdout);
    KVASIR_TRY_ASSIGN(ExitCode code, run_process(child_arguments(config, store.path(), 1, seed)));
    if (code != ExitCode::kOk) return code;
    KVASIR_TRY_ASSIGN(code, run_process(child_arguments(config, store.path(), 2, seed)));
    if (code != ExitCode::kOk) return code;
    fmt::print(
        "\nNext, an agent of your own, that will remember you tomorrow:\n  {}\n",
        styled(Style::kBold, "./kvasir chat ada --create --system \"You are Ada, a personal assistant.\""));
    fmt::print("with a model of your own:\n  {}\n",
               styled(Style::kBold, "./kvasir chat ada --create --model your.gguf"));
    if (store.kept()) fmt::print("The store of this demo is kept in {}\n", store.path());
    return ExitCode::kOk;
}

}  // namespace

Result<ExitCode> run_demo(const Config& config, const DemoArguments& arguments) {
    if (arguments.session == 1) return demo_first_session(config, arguments);
    if (arguments.session == 2) return demo_second_session(config, arguments);
    return tell_story(config, arguments);
}

}  // namespace kvasir
