// One import while it runs: what EngineAgentMemory::begin_import() gives. The file is checked, its KV is
// written block by block under the names that it has in this store, and the last step makes the agent and
// refers to them. Until then nothing is known of it; dropped before, it leaves nothing behind but files that
// nobody knows, which go like those of a process that died. Engine thread; may be dropped on any.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "memory/agent_transfer.h"
#include "memory/import_file.h"
#include "memory/kv_context.h"
#include "memory/kv_rates.h"
#include "memory/row_image.h"
#include "memory/save_room.h"
#include "memory/token_chain.h"

namespace kvasir {

struct ImportServices {
    KvContext kv;
    const Clock& clock;
    const KvRates& rates;
    std::function<void(const ImportReport&)> on_made;
};

class ImportRun final : public AgentImport {
  public:
    ImportRun(ImportServices services, ImportRequest request);

    Status step() override;
    bool done() const override { return stage_ == Stage::kDone; }
    const ImportReport& report() const override { return report_; }

  private:
    enum class Stage { kOpen, kRoom, kUnits, kMake, kDone };
    // A block, a segment or a state of the file.
    struct Unit {
        BlockIdentity identity;
        std::size_t number = 0;  // among those of its kind
    };

    Status advance();
    Status open();
    void judge_kv();
    void list_units();
    Status make_room();
    Status next_unit();
    Status check_tokens();
    Status read_unit(const Unit& unit);
    void give_up_kv(const std::string& reason);
    void remove_written();
    Status make_agent();
    Status refer(const AgentRecord& agent);
    Result<Position> restorable() const;
    Status finish();

    ImportServices services_;
    ImportRequest request_;
    Stage stage_ = Stage::kOpen;
    ImportFile file_;
    std::string name_;
    std::optional<TokenChain> chain_;
    std::optional<Hmac256> mac_;  // nothing: the user trusts the file
    std::vector<Unit> units_;
    std::size_t next_ = 0;
    std::vector<std::byte> image_;
    std::vector<StoredBlock> written_;
    BlockHold hold_;
    SaveRoom room_;
    std::optional<AgentId> made_;
    ImportReport report_;
};

}  // namespace kvasir
