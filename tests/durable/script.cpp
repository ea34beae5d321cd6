#include "durable/script.h"

#include <algorithm>

namespace kvasir::test {

namespace {

Status run_op(Node& node, const Op& op) {
    const auto status_of = [](const auto& result) {
        return result ? Status() : Status(fail(result.error()));
    };
    switch (op.kind) {
        case OpKind::kCreate:
            return status_of(node.memory().create(op.agent, "t", op.text));
        case OpKind::kSay:
            return status_of(node.say(op.agent, op.text));
        case OpKind::kFork:
            return status_of(node.memory().fork(op.agent, op.text, std::nullopt));
        case OpKind::kRemove:
            return status_of(node.memory().remove(op.agent));
        case OpKind::kCollect: {
            const auto run = node.store().begin_collection({.depth = CollectionDepth::kColdAgents});
            while (!run->done()) KVASIR_TRY(run->step());
            return {};
        }
        case OpKind::kReconcile:
            return node.store().remove_unknown_files();
        case OpKind::kRepair: {
            const auto run = node.store().begin_check({CheckDepth::kContents, Repair::kYes});
            while (!run->done()) KVASIR_TRY(run->step());
            return {};
        }
    }
    return {};
}

bool is_subsequence(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
    std::size_t at = 0;
    for (const std::string& one : whole) {
        if (at < part.size() && part[at] == one) ++at;
    }
    return at == part.size();
}

std::string shown(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all += "[" + text.substr(0, 12) + "] ";
    return all;
}

}  // namespace

std::string long_text(std::size_t bytes, char letter) {
    std::string text;
    for (std::size_t i = 0; i < bytes; ++i)
        text += i % 8 == 7 ? ' ' : static_cast<char>(letter + static_cast<int>(i % 3));
    return text;
}

Script talking() {
    return {{OpKind::kCreate, "ada", long_text(150, 'a')},
            {OpKind::kSay, "ada", "one " + long_text(120, 'a')},
            {OpKind::kCreate, "eve", "secret " + long_text(60, 'e')},
            {OpKind::kSay, "eve", "the secret is 481726"},
            {OpKind::kFork, "ada", "ann"},
            {OpKind::kSay, "ann", "three"},
            {OpKind::kSay, "ada", "two " + long_text(200, 'b')}};
}

Script collecting() {
    return {{OpKind::kCollect, "", ""},
            {OpKind::kSay, "ada", "after the collection"},
            {OpKind::kSay, "eve", "you too"}};
}

Script erasing() {
    return {{OpKind::kRemove, "eve", ""}, {OpKind::kSay, "ada", "she is gone"}, {OpKind::kRemove, "ann", ""}};
}

Script recovering() {
    return {
        {OpKind::kReconcile, "", ""}, {OpKind::kRepair, "", ""}, {OpKind::kSay, "ada", "after the crash"}};
}

void run_script(Node& node, const Script& script, const std::function<void(std::size_t, bool)>& ended) {
    for (std::size_t i = 0; i < script.size(); ++i) ended(i, run_op(node, script[i]).has_value());
}

void apply(const Op& op, Conversations& conversations) {
    switch (op.kind) {
        case OpKind::kCreate:
            conversations[op.agent];
            break;
        case OpKind::kSay:
            conversations[op.agent].push_back(op.text);
            break;
        case OpKind::kFork:
            conversations[op.text] = conversations[op.agent];
            break;
        case OpKind::kRemove:
            conversations.erase(op.agent);
            break;
        case OpKind::kCollect:
        case OpKind::kReconcile:
        case OpKind::kRepair:
            break;
    }
}

Conversations conversations_of(Node& node) {
    Conversations conversations;
    const auto agents = node.memory().list();
    if (!agents) return {{"(no list)", {agents.error().message}}};
    for (const AgentInfo& agent : *agents) {
        std::vector<std::string>& texts = conversations[agent.name];
        const auto turns = node.memory().turns(agent.name);
        if (!turns) {
            texts.push_back("(unreadable) " + turns.error().message);
            continue;
        }
        for (const TurnRecord& turn : *turns) {
            if (turn.number > 0) texts.push_back(turn.user_text);
        }
    }
    return conversations;
}

std::vector<std::string> compare_after_kill(Node& node, const Conversations& before, const Script& script,
                                            std::size_t acknowledged) {
    Conversations then = before;
    for (std::size_t i = 0; i < acknowledged; ++i) apply(script[i], then);
    Conversations next = then;
    if (acknowledged < script.size()) apply(script[acknowledged], next);
    const Conversations found = conversations_of(node);
    if (found == then || found == next) return {};
    std::vector<std::string> wrong;
    for (const auto& [agent, texts] : found) wrong.push_back(agent + " has " + shown(texts));
    for (const auto& [agent, texts] : then) wrong.push_back(agent + " must have " + shown(texts));
    return wrong;
}

std::vector<std::string> compare_after_faults(Node& node, const Conversations& before, const Script& script,
                                              const std::vector<bool>& good) {
    Conversations least = before;
    Conversations most = before;
    for (std::size_t i = 0; i < script.size() && i < good.size(); ++i) {
        const Op& op = script[i];
        // What is not known to have been removed may be there, and what is not known to be there may be
        // missing.
        if (good[i] || op.kind == OpKind::kRemove) apply(op, least);
        if (good[i] || op.kind != OpKind::kRemove) apply(op, most);
    }
    std::vector<std::string> wrong;
    const Conversations found = conversations_of(node);
    for (const auto& [agent, texts] : least) {
        const auto there = found.find(agent);
        if (there == found.end())
            wrong.push_back("acknowledged and lost: agent " + agent);
        else if (!is_subsequence(texts, there->second))
            wrong.push_back(agent + " must have " + shown(texts) + "and has " + shown(there->second));
    }
    for (const auto& [agent, texts] : found) {
        const auto said = most.find(agent);
        if (said == most.end())
            wrong.push_back("removed and there: agent " + agent);
        else if (!is_subsequence(texts, said->second))
            wrong.push_back(agent + " has " + shown(texts) + "of " + shown(said->second));
    }
    return wrong;
}

}  // namespace kvasir::test
