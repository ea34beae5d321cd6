// One export while it runs: what EngineAgentMemory::begin_export() gives. It reads verified parts of the
// agent's blocks, tensor by tensor, and keeps nothing but the MACs. The blocks are held, so the agent may go
// on speaking meanwhile; when it is erased the export fails. Engine thread; may be dropped on any.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/mac.h"
#include "memory/agent_transfer.h"
#include "memory/conversation.h"
#include "memory/kv_context.h"
#include "memory/kv_loader.h"
#include "memory/restore_plan.h"
#include "memory/transfer_layout.h"

namespace kvasir {

struct ExportSource {
    const Conversation& conversation;  // as it is to be exported
    std::string when_full;
    std::int64_t now_unix_ms = 0;
};

class ExportRun final : public AgentExport {
  public:
    static Result<std::unique_ptr<AgentExport>> begin(KvContext context, const ExportSource& source);

    Status step(std::vector<std::byte>& bytes) override;
    bool done() const override { return stage_ == Stage::kDone; }
    const ExportReport& report() const override { return report_; }

  private:
    enum class Stage { kHeader, kPieces, kMacs, kDone };

    explicit ExportRun(KvContext context);
    Status choose_blocks(const Conversation& conversation);
    Status choose_points(const Conversation& conversation, const RestorePlan& plan);
    Status measure_states();
    Status write_header(const ExportSource& source);
    Status read_piece(const TransferSlice& slice, std::uint64_t begin, std::span<std::byte> bytes);
    Status next_piece(std::vector<std::byte>& bytes);
    void next_macs(std::vector<std::byte>& bytes);
    BlockSpec spec_of(const StoredBlock& block, std::uint64_t state_bytes) const;

    KvContext context_;
    Hmac256 mac_;
    Stage stage_ = Stage::kHeader;
    // By kind: blocks in order, segments by end and begin, states by end.
    std::array<std::vector<StoredBlock>, kBlockKinds.size()> units_;
    TransferContents contents_;
    TransferLayout layout_;
    BlockHold hold_;
    std::vector<std::byte> header_;
    Digest256 header_hash_;
    std::vector<std::byte> tokens_;
    std::vector<std::byte> turn_tokens_;
    std::size_t slice_ = 0;
    std::uint64_t begin_ = 0;  // in it
    std::vector<Digest256> macs_;
    std::size_t macs_done_ = 0;
    ExportReport report_;
};

}  // namespace kvasir
