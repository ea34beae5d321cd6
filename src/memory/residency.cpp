#include "memory/residency.h"

#include <algorithm>
#include <utility>

namespace kvasir {

ResidentAgent* Residency::find(const std::string& name) {
    ResidentAgent* found = nullptr;
    for (ResidentAgent* agent : find_all(name)) {
        if (found == nullptr || (agent->head_branch == agent->branch && agent->branch)) found = agent;
    }
    return found;
}

const ResidentAgent* Residency::find(const std::string& name) const {
    return const_cast<Residency*>(this)->find(name);  // it changes nothing
}

std::vector<ResidentAgent*> Residency::find_all(const std::string& name) {
    std::vector<ResidentAgent*> found;
    for (ResidentAgent& agent : agents_) {
        if (agent.record.name == name) found.push_back(&agent);
    }
    return found;
}

ResidentAgent& Residency::add(ResidentAgent agent) {
    agents_.push_back(std::move(agent));
    return agents_.back();
}

void Residency::touch(const ResidentAgent& agent) {
    const auto found = std::find_if(agents_.begin(), agents_.end(),
                                    [&](const ResidentAgent& other) { return &other == &agent; });
    if (found != agents_.end()) agents_.splice(agents_.end(), agents_, found);
}

void Residency::remove(const ResidentAgent& agent) {
    agents_.remove_if([&](const ResidentAgent& other) { return &other == &agent; });
}

ResidentAgent* Residency::least_recent(const Spared& spared) {
    ResidentAgent* leaving = nullptr;
    int least = 0;
    for (ResidentAgent& agent : agents_) {
        if (&agent == spared.kept || !agent.idle()) continue;
        const bool rather = &agent == spared.rather || agent.record.name == spared.name;
        const int reluctance = (agent.record.pinned == Pinned::kYes ? 2 : 0) + (rather ? 1 : 0);
        if (leaving != nullptr && reluctance >= least) continue;
        leaving = &agent;
        least = reluctance;
    }
    return leaving;
}

void Residency::for_each(const std::function<void(ResidentAgent&)>& visit) {
    for (ResidentAgent& agent : agents_) visit(agent);
}

void Residency::for_each_idle(const std::function<void(ResidentAgent&)>& visit) {
    for (ResidentAgent& agent : agents_) {
        if (agent.idle()) visit(agent);
    }
}

std::vector<std::string> Residency::names() const {
    std::vector<std::string> names;
    for (const ResidentAgent& agent : agents_) names.push_back(agent.record.name);
    return names;
}

}  // namespace kvasir
