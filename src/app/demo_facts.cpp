#include "app/demo_facts.h"

#include <algorithm>
#include <array>
#include <random>

#include <fmt/format.h>

namespace kvasir {

namespace {

constexpr std::size_t kFactsPerAgent = 3;
constexpr std::size_t kDocumentSentences = 14;

constexpr std::array<const char*, 24> kWords = {
    "amber",  "anchor", "bamboo", "beacon", "cedar",   "cobalt",  "copper",  "dolphin",
    "ember",  "falcon", "garnet", "hazel",  "indigo",  "jasper",  "lantern", "maple",
    "nickel", "onyx",   "poppy",  "quartz", "saffron", "thistle", "violet",  "willow"};
constexpr std::array<const char*, 9> kNouns = {
    "passphrase", "deadline", "budget", "port", "call sign", "mascot", "meeting room", "error code", "owner"};
constexpr std::array<const char*, 9> kThings = {"billing service", "old mill",     "search index",
                                                "north gate",      "data lake",    "web shop",
                                                "pump house",      "test cluster", "lighthouse"};

template <class Array>
std::string pick(std::mt19937& random, const Array& array) {
    return array.at(random() % array.size());
}

std::string random_value(std::mt19937& random) {
    if (random() % 2 == 0) return fmt::format("{} {}", pick(random, kWords), pick(random, kWords));
    const auto letter = [&] { return static_cast<char>('A' + random() % 8); };
    return fmt::format("{}{}-{}", letter(), letter(), 100 + random() % 9900);
}

std::string random_document(std::mt19937& random) {
    std::string text = "Read this:";
    for (std::size_t i = 0; i < kDocumentSentences; ++i) {
        const std::string a = pick(random, kWords);
        const std::string b = pick(random, kWords);
        if (random() % 2 == 0) {
            text += fmt::format(" We tested the {} twice and the {} once before lunch.", a, b);
        } else {
            text += fmt::format(" The note ends with a drawing of a {} and a {}.", a, b);
        }
    }
    return text;
}

}  // namespace

std::vector<DemoAgent> demo_agents(std::uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<DemoAgent> agents = {{"tech-specialist",
                                      "technical specialist",
                                      "You are Vera, a technical specialist. Answer briefly.",
                                      {},
                                      {}},
                                     {"business-analyst",
                                      "business analyst",
                                      "You are Omar, a business analyst. You keep notes for the team.",
                                      {},
                                      {}},
                                     {"coordinator",
                                      "project coordinator",
                                      "You are Nadia, a project coordinator. You work with other agents.",
                                      {},
                                      {}}};
    // Each thing belongs to one agent, so that a question has one owner.
    auto things = kThings;
    auto nouns = kNouns;
    std::shuffle(things.begin(), things.end(), random);
    std::shuffle(nouns.begin(), nouns.end(), random);
    std::size_t next = 0;
    for (DemoAgent& agent : agents) {
        for (std::size_t i = 0; i < kFactsPerAgent; ++i, ++next) {
            agent.facts.push_back(
                {fmt::format("the {} of the {}", nouns.at(next), things.at(next)), random_value(random)});
        }
        agent.document = random_document(random);
    }
    return agents;
}

std::string telling(const DemoFact& fact) {
    return fmt::format("Remember that {} is {}.", fact.what, fact.value);
}
std::string question(const DemoFact& fact) { return fmt::format("What is {}?", fact.what); }

}  // namespace kvasir
