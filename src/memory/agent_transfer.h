// Taking an agent out of a store as one file, and bringing one in: in steps, so that turns of others go on
// meanwhile. Made by AgentMemory and used on the engine thread; they hold no more than a piece of the file.
// An object may be dropped at any time, on any thread, before the memory goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "base/hash.h"
#include "base/result.h"
#include "base/tokens.h"

namespace kvasir {

struct ExportReport {
    std::string agent;
    Position tokens = 0;        // of the conversation
    Position cache_tokens = 0;  // of them, with KV in the file
    std::uint32_t turns = 0;
    std::uint64_t file_bytes = 0;
};

class AgentExport {
  public:
    virtual ~AgentExport() = default;
    // The next bytes of the file, at most kAgentFilePieceBytes after the header; `bytes` is resized, its
    // memory reused. An error ends it: what was written so far is of no use.
    virtual Status step(std::vector<std::byte>& bytes) = 0;
    virtual bool done() const = 0;
    virtual const ExportReport& report() const = 0;  // known from the beginning
};

// Which model a file's tokens belong to, as it says itself.
struct ModelOfFile {
    Digest256 id;
    std::string name;  // for people
};
// Reads the header alone. kInvalidArgument: it is no such file.
Result<ModelOfFile> model_of_file(ByteSource& file);

enum class TrustKv { kNo, kYes };  // kYes: KV is used although nobody can tell who wrote it
enum class DryRun { kNo, kYes };

struct ImportRequest {
    std::unique_ptr<ByteSource> file;
    std::string name;  // "": as in the file
    TrustKv trust = TrustKv::kNo;
    DryRun dry_run = DryRun::kNo;
};

struct ImportReport {
    std::string agent;
    Position tokens = 0;
    std::uint32_t turns = 0;
    Position kv_tokens = 0;       // whose KV is used, from the file or because the store has it already
    Position tokens_to_read = 0;  // the rest, read at the next turn
    std::string kv_refused;       // why the file's KV is not used; "": it is, or there is none
    // About how long that will take, as fast as this machine has read so far; nothing: it has not.
    std::optional<double> read_ms;
    std::uint64_t kv_bytes_written = 0;
    bool dry_run = false;  // nothing was changed
};

class AgentImport {
  public:
    virtual ~AgentImport() = default;
    // Checks some, or writes one block; the last one makes the agent. An error ends it, and nothing is
    // changed.
    virtual Status step() = 0;
    virtual bool done() const = 0;
    virtual const ImportReport& report() const = 0;  // when done
};

}  // namespace kvasir
