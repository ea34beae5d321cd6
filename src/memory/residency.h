// Who is resident, in the order of last use. Deterministic: order depends on calls only, never on a clock.
//
// Engine thread. References to agents stay valid until their removal.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "memory/resident_agent.h"

namespace kvasir {

class Residency {
  public:
    ResidentAgent* find(const std::string& name);
    const ResidentAgent* find(const std::string& name) const;
    ResidentAgent& add(ResidentAgent agent);  // as the most recently used
    void touch(const std::string& name);      // most recently used now
    void remove(const std::string& name);
    // The one to leave first, `kept` excepted; null when there is none.
    ResidentAgent* least_recent(const std::string& kept);

    std::size_t size() const { return agents_.size(); }
    const std::list<ResidentAgent>& agents() const { return agents_; }  // least recently used first
    std::vector<std::string> names() const;

  private:
    std::list<ResidentAgent> agents_;
};

}  // namespace kvasir
