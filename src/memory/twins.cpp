#include "memory/twins.h"

#include "memory/engine_agent_memory.h"

namespace kvasir {

namespace {

constexpr std::size_t kModelDigits = 8;
constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kNameDigits = 8;

}  // namespace

std::string twin_name(const std::string& agent, const Digest256& model_id) {
    const std::string end = "." + model_id.hex().substr(0, kModelDigits);
    if (agent.size() + end.size() <= kNameBytesMax) return agent + end;
    Sha256 hash("kvasir.twin.v1");
    hash.field("agent", agent);
    const std::string digits = hash.finish().hex().substr(0, kNameDigits);
    return agent.substr(0, kNameBytesMax - end.size() - kNameDigits - 1) + "-" + digits + end;
}

Status EngineAgentMemory::turn_to_twin(TurnRequest& request) const {
    if (request.other_model == OtherModel::kRefuse) return {};
    const auto record = context_.store.catalog().agent(request.agent);
    if (!record) return record.error().code == ErrorCode::kNotFound ? Status() : fail(record.error());
    const Digest256& ours = context_.engine.fingerprint().model_id();
    if (record->model_id == ours) return {};
    request.parent_agent = request.agent;
    request.agent = twin_name(request.agent, ours);
    request.follows.reset();  // a turn of the other one
    return {};
}

}  // namespace kvasir
