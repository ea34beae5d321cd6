#include "memory/residency.h"

#include <algorithm>
#include <utility>

namespace kvasir {

namespace {

template <class Agents>
auto position_of(Agents& agents, const std::string& name) {
    return std::find_if(agents.begin(), agents.end(),
                        [&](const ResidentAgent& agent) { return agent.record.name == name; });
}

}  // namespace

ResidentAgent* Residency::find(const std::string& name) {
    const auto found = position_of(agents_, name);
    return found == agents_.end() ? nullptr : &*found;
}

const ResidentAgent* Residency::find(const std::string& name) const {
    const auto found = position_of(agents_, name);
    return found == agents_.end() ? nullptr : &*found;
}

ResidentAgent& Residency::add(ResidentAgent agent) {
    agents_.push_back(std::move(agent));
    return agents_.back();
}

void Residency::touch(const std::string& name) {
    const auto found = position_of(agents_, name);
    if (found != agents_.end()) agents_.splice(agents_.end(), agents_, found);
}

void Residency::remove(const std::string& name) {
    agents_.remove_if([&](const ResidentAgent& agent) { return agent.record.name == name; });
}

ResidentAgent* Residency::least_recent(const std::string& kept) {
    for (ResidentAgent& agent : agents_) {
        if (agent.record.name != kept) return &agent;
    }
    return nullptr;
}

std::vector<std::string> Residency::names() const {
    std::vector<std::string> names;
    for (const ResidentAgent& agent : agents_) names.push_back(agent.record.name);
    return names;
}

}  // namespace kvasir
