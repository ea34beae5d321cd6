// What the demo's agents are told: values drawn at random in this run, so that no model can know them from
// elsewhere. The phrasings are those that the shipped model was trained on. Pure: the same seed gives the
// same facts in every process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvasir {

struct DemoFact {
    std::string what;  // "the passphrase of the old mill"
    std::string value;
};

struct DemoAgent {
    std::string name;
    std::string type;
    std::string system_prompt;
    std::vector<DemoFact> facts;
    std::string document;  // something to read, so that there is a context to come back to
};

// Specialist, analyst and coordinator, in this order.
std::vector<DemoAgent> demo_agents(std::uint32_t seed);

std::string telling(const DemoFact& fact);   // "Remember that ... is ...."
std::string question(const DemoFact& fact);  // "What is ...?"

}  // namespace kvasir
