// The commands, one file each. A command prints its result and returns an exit code; an error is printed by
// main().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/exit_code.h"
#include "base/result.h"
#include "store/agent_change.h"

namespace kvasir {

struct ChatArguments {
    std::string agent;
    std::string message;  // empty: from a pipe, or the REPL on a terminal
    bool create = false;  // make the agent when it is not there
    std::string type = "agent";
    std::string system_prompt;
};

enum class AgentsVerb { kList, kShow, kCreate, kRemove, kSave, kLoad, kEvict, kFork, kRollback, kChange };

struct AgentsArguments {
    AgentsVerb verb = AgentsVerb::kList;
    std::string agent;
    std::string type = "agent";
    std::string system_prompt;
    std::string fork_name;
    std::optional<std::uint32_t> turn;  // of a fork: the last one it has; of a rollback: where to
    AgentChange change;
};

struct DemoArguments {
    bool keep = false;
    int session = 0;  // 0: the story; 1 and 2: its processes
    std::uint32_t facts_seed = 0;
};

struct BenchArguments {
    std::uint32_t repetitions = 5;
};

struct SynthArguments {
    std::string shape;  // empty: those there are, printed
    std::string type = "q4_0";
    std::string output;  // empty: named after shape and type
    std::uint32_t layers = 0;
    std::uint32_t vocabulary = 0;
};

struct WhyArguments {
    std::string agent;
    std::string request;         // its id instead
    std::string before_sending;  // a file with a request that is not sent yet; "-": standard input
};

struct LaunchArguments {
    std::string client;
    std::string agent;
    std::string url = "http://127.0.0.1:8642";
    std::string output;  // "" printed
};

struct FsckArguments {
    bool repair = false;
};

struct GcArguments {
    std::uint64_t free_bytes = 0;  // 0: what nobody needs
};

struct BackupArguments {
    std::string directory;
};

struct PullArguments {
    std::string source;  // a URL, or OWNER/NAME[:FILE or TAG] of a hub
    std::string name;    // "" as the file is called
    std::string sha256;  // "" as the server tells it
    std::string hub = "https://huggingface.co";
    std::string ca_file;
    std::uint32_t stall_timeout_s = 30;
    std::uint32_t retries = 5;
    bool force = false;  // also one that is larger than the memory
};

struct ExportArguments {
    std::string agent;
    std::string path;  // "": NAME.safetensors here
};

struct ImportArguments {
    std::string path;
    std::string name;  // "": as in the file
    bool trust_kv = false;
    bool dry_run = false;
};

struct ServeArguments {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8642;
    std::string unix_path;
    std::string tls_certificate_path;
    std::string tls_key_path;
    std::vector<std::string> hosts_allowed;
    std::vector<std::string> origins_allowed;
    std::vector<std::string> api_keys;
    std::string api_key_file;
    bool no_key = false;
    std::string alias;
    std::uint32_t waiting_max = 256;
    std::uint32_t chunk_tokens = 256;
    std::uint32_t turn_timeout_s = 0;
    std::uint32_t drain_timeout_s = 20;
    std::uint64_t memory_free_bytes_min = 256ULL * 1024 * 1024;
    std::uint32_t session_days = 30;
    // Of several models:
    std::uint64_t models_memory_bytes = 0;  // 0: what is free at the start
    std::uint32_t models_max = 0;           // 0: as many as fit
    std::uint32_t model_idle_s = 600;
    std::uint32_t model_stay_ms = 3000;
    bool strict_durability = false;
};

Result<ExitCode> run_chat(const Config& config, const ChatArguments& arguments);
Result<ExitCode> run_agents(const Config& config, const AgentsArguments& arguments);
Result<ExitCode> run_serve(const Config& config, const ServeArguments& arguments);
Result<ExitCode> run_pull(const Config& config, const PullArguments& arguments);
Result<ExitCode> run_why(const Config& config, const WhyArguments& arguments);
Result<ExitCode> run_verify(const Config& config, const std::string& agent);
Result<ExitCode> run_launch(const Config& config, const LaunchArguments& arguments);
Result<ExitCode> run_ps(const Config& config);
Result<ExitCode> run_doctor(const Config& config);
Result<ExitCode> run_fsck(const Config& config, const FsckArguments& arguments);
Result<ExitCode> run_gc(const Config& config, const GcArguments& arguments);
Result<ExitCode> run_backup(const Config& config, const BackupArguments& arguments);
Result<ExitCode> run_export(const Config& config, const ExportArguments& arguments);
Result<ExitCode> run_import(const Config& config, const ImportArguments& arguments);
Result<ExitCode> run_rewarm(const Config& config);
Result<ExitCode> run_demo(const Config& config, const DemoArguments& arguments);
Result<ExitCode> run_bench(const Config& config, const BenchArguments& arguments);
Result<ExitCode> run_synth(const Config& config, const SynthArguments& arguments);

}  // namespace kvasir
