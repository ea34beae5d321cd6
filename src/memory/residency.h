// Who is resident, in the order of last use: a place for each branch of an agent that is spoken to.
// Deterministic: order depends on calls only, never on a clock.
//
// Engine thread. References to agents stay valid until their removal.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "memory/resident_agent.h"

namespace kvasir {

// Who stays when somebody has to leave.
struct Spared {
    const ResidentAgent* kept = nullptr;    // never leaves
    std::string name = {};                  // of two, one of another name leaves
    const ResidentAgent* rather = nullptr;  // likewise
};

class Residency {
  public:
    // The agent's place; the one that its head's branch has, if it has several.
    ResidentAgent* find(const std::string& name);
    const ResidentAgent* find(const std::string& name) const;
    std::vector<ResidentAgent*> find_all(const std::string& name);
    ResidentAgent& add(ResidentAgent agent);  // as the most recently used
    void touch(const ResidentAgent& agent);   // most recently used now
    void remove(const ResidentAgent& agent);
    // The one to leave first, of those that are idle. One that is pinned stays while there is another, then
    // one that is rather spared; of equals the least recently used leaves. Null: none.
    ResidentAgent* least_recent(const Spared& spared);

    void for_each(const std::function<void(ResidentAgent&)>& visit);
    void for_each_idle(const std::function<void(ResidentAgent&)>& visit);
    std::size_t size() const { return agents_.size(); }
    const std::list<ResidentAgent>& agents() const { return agents_; }  // least recently used first
    std::vector<std::string> names() const;

  private:
    std::list<ResidentAgent> agents_;
};

}  // namespace kvasir
