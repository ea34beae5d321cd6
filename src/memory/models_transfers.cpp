// Export, import and rewarming where there are several models: ModelsMemory's part. What needs a model is
// done by those that are loaded.
#include <iterator>

#include "memory/models_memory.h"

namespace kvasir {

namespace {

// A file belongs to one model, whose own memory takes it in.
class RefusedImport final : public AgentImport {
  public:
    Status step() override {
        done_ = true;
        return fail(ErrorCode::kUnavailable,
                    "this needs the file's model, which is not loaded: try again later");
    }
    bool done() const override { return done_; }
    const ImportReport& report() const override { return report_; }

  private:
    bool done_ = false;
    ImportReport report_;
};

}  // namespace

Result<std::unique_ptr<AgentExport>> ModelsMemory::begin_export(const std::string& name) {
    KVASIR_TRY_ASSIGN(AgentMemory* const memory, loaded_memory_of(name));
    return memory->begin_export(name);
}

std::unique_ptr<AgentImport> ModelsMemory::begin_import(ImportRequest /*request*/) {
    return std::make_unique<RefusedImport>();
}

Result<std::vector<std::string>> ModelsMemory::names_by_heat() {
    std::vector<std::string> names;
    for (const Loaded& loaded : loaded_) {
        KVASIR_TRY_ASSIGN(auto more, loaded.memory->names_by_heat());
        std::move(more.begin(), more.end(), std::back_inserter(names));
    }
    return names;
}

Result<RewarmCandidate> ModelsMemory::rewarm_candidate(const std::string& name) {
    KVASIR_TRY_ASSIGN(AgentMemory* const memory, loaded_memory_of(name));
    return memory->rewarm_candidate(name);
}

Status ModelsMemory::end_rewarm(const RewarmCandidate& candidate) {
    KVASIR_TRY_ASSIGN(AgentMemory* const memory, loaded_memory_of(candidate.name));
    return memory->end_rewarm(candidate);
}

const KvRates& ModelsMemory::rates() const {
    static const KvRates kUnknown;  // rates are a model's
    return loaded_.size() == 1 ? loaded_.front().memory->rates() : kUnknown;
}

Result<KvRates> ModelsMemory::measure_rates() {
    return fail(ErrorCode::kUnavailable, "rates are a model's, and there are several: name one");
}

}  // namespace kvasir
