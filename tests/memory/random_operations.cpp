#include "memory/random_operations.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "memory/import_file.h"
#include "memory/sending_client.h"
#include "memory/transferring.h"
#include "support/fake_text.h"

namespace kvasir::test {

namespace {

constexpr std::size_t kAgentsMax = 6;
constexpr std::uint32_t kAnswerTokens = 9;
constexpr std::uint32_t kFilesMax = 3;

// What an agent must remember: its exact tokens after every turn.
struct Remembered {
    std::string name;
    bool sent = false;                           // its client holds the conversation
    std::vector<ChatMessage> messages;           // of such a client
    std::vector<std::vector<Token>> after_turn;  // [0]: nothing was said yet
    std::uint32_t turns() const { return static_cast<std::uint32_t>(after_turn.size() - 1); }
};

// A file, and what an agent must remember that is made of it.
struct Exported {
    std::string file;
    bool has_kv = false;
    Remembered agent;
};

std::string system_prompt_of(const std::string& name) { return "You are " + name + ". " + words(90, 's'); }

std::vector<Token> prompt_tokens(const Remembered& agent, const std::string& prompt,
                                 const std::string& text) {
    std::vector<Token> tokens = agent.after_turn.back();
    std::string added;
    if (agent.turns() == 0)
        added = "<|im_start|>system\n" + prompt + "<|im_end|>\n";
    else
        added = tokens.back() == kFakeImEnd ? "\n" : "<|im_end|>\n";
    added += "<|im_start|>user\n" + text + "<|im_end|>\n<|im_start|>assistant\n";
    for (const Token token : fake_tokenize(added, SpecialTokens::kParse)) tokens.push_back(token);
    return tokens;
}

class Game {
  public:
    Game(const WorldOptions& options, TurnCounts* counts) : world_(options), counts_(counts) {}

    std::optional<std::string> play(const std::vector<Operation>& operations) {
        for (const Operation& operation : operations) {
            ++step_;
            if (auto wrong = play(operation)) return describe(operation) + ": " + *wrong;
        }
        if (const Status checked = world_.store().catalog().check(); !checked) return checked.error().message;
        return files_that_nobody_knows();
    }

  private:
    std::optional<std::string> play(const Operation& operation) {
        if (operation.kind == OperationKind::kRestart) {
            world_.restart();
            return {};
        }
        if (operation.kind == OperationKind::kDamage) return damage(operation.argument);
        if (auto wrong = ensure_agent(operation)) return wrong;
        Remembered& agent = agents_[operation.agent % agents_.size()];
        switch (operation.kind) {
            case OperationKind::kMessage:
                return agent.sent ? send(agent, text_of(operation)) : message(agent, text_of(operation));
            case OperationKind::kSend:
            case OperationKind::kEdit:
                return edit(agent, operation);
            case OperationKind::kFork:
                return fork(agent, operation.argument);
            case OperationKind::kRollback:
                return roll_back(agent, operation.argument);
            case OperationKind::kEvict:
                return exists(agent) ? to_text(world_.memory().evict(agent.name)) : std::nullopt;
            case OperationKind::kSave:
                return to_text(world_.memory().save_all());
            case OperationKind::kExport:
                return export_it(agent, operation.argument);
            case OperationKind::kImport:
                return import_one(operation);
            default:
                return remove(operation.agent % agents_.size());
        }
    }
    template <class T>
    static std::optional<std::string> to_text(const Result<T>& result) {
        if (result) return {};
        return result.error().message;
    }
    // A client's agent is made with its first message.
    bool exists(const Remembered& agent) { return world_.store().catalog().agent(agent.name).has_value(); }
    std::string text_of(const Operation& operation) const {
        return fmt::format("step {} {}", step_, words(operation.argument % 60));
    }

    // There is always somebody to talk to, of both kinds.
    std::optional<std::string> ensure_agent(const Operation& operation) {
        const bool sent = operation.kind == OperationKind::kSend || operation.kind == OperationKind::kEdit;
        const bool there = std::any_of(agents_.begin(), agents_.end(),
                                       [&](const Remembered& agent) { return agent.sent == sent; });
        if (there) return {};
        Remembered made;
        made.name = fmt::format("agent-{}", step_);
        made.sent = sent;
        made.after_turn.resize(1);
        if (sent)
            made.messages = {said(Role::kSystem, system_prompt_of("a client"))};
        else if (auto wrong =
                     to_text(world_.memory().create(made.name, "tester", system_prompt_of("everybody"))))
            return wrong;
        agents_.push_back(std::move(made));
        return {};
    }

    std::optional<std::string> compare(Remembered& agent, const std::string& prompt, const std::string& text,
                                       const Result<TurnResult>& turn) {
        std::vector<Token> tokens = prompt_tokens(agent, prompt, text);
        if (!turn && turn.error().code == ErrorCode::kContextFull) {
            if (tokens.size() + 1 > world_.engine().model().context_tokens) return {};
            return "context full with " + std::to_string(tokens.size()) + " tokens";
        }
        if (!turn) return turn.error().message;
        const TurnMetrics& metrics = turn->metrics;
        if (metrics.prompt_tokens != tokens.size())
            return fmt::format("the prompt has {} tokens and should have {}", metrics.prompt_tokens,
                               tokens.size());
        if (metrics.reused_tokens + metrics.evaluated_tokens != metrics.prompt_tokens)
            return "reused and evaluated are not the prompt";
        const Position room = world_.engine().model().context_tokens - metrics.prompt_tokens;
        std::string answer;
        for (const Token token :
             exact_answer(world_.engine().fake(), tokens, std::min<std::uint32_t>(kAnswerTokens, room))) {
            tokens.push_back(token);
            answer += fake_piece(token, SpecialTokens::kAsText);
        }
        if (turn->text != answer)
            return fmt::format("answers '{}' and should answer '{}' (reused {} of {})", turn->text, answer,
                               metrics.reused_tokens, metrics.prompt_tokens);
        agent.after_turn.push_back(std::move(tokens));
        if (counts_ != nullptr) ++(*counts_)[metrics.source];
        return {};
    }

    std::optional<std::string> message(Remembered& agent, const std::string& text) {
        MessageOptions options;
        options.answer_tokens_max = kAnswerTokens;
        return compare(agent, system_prompt_of("everybody"), text,
                       world_.memory().message(agent.name, text, options));
    }

    std::optional<std::string> send(Remembered& agent, const std::string& text) {
        TurnRequest request;
        request.agent = agent.name;
        request.create_missing = CreateMissing::kYes;
        request.history = History::kSent;
        request.messages = agent.messages;
        request.messages.push_back(said(Role::kUser, text));
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = kAnswerTokens;
        const std::vector<ChatMessage> messages = request.messages;
        const auto turn = drive(world_, std::move(request));
        if (auto wrong = compare(agent, system_prompt_of("a client"), text, turn)) return wrong;
        if (!turn) return {};
        agent.messages = messages;
        agent.messages.push_back(said(Role::kAssistant, turn->text));
        return {};
    }

    // The client goes back to one of its turns and says something else; kSend: to none.
    std::optional<std::string> edit(Remembered& first, const Operation& operation) {
        Remembered* agent = &first;
        while (!agent->sent)
            agent = &agents_[static_cast<std::size_t>(agent - agents_.data() + 1) % agents_.size()];
        if (operation.kind == OperationKind::kEdit && agent->turns() > 0) {
            const std::uint32_t kept = operation.argument % agent->turns();
            agent->after_turn.resize(kept + 1);
            agent->messages.resize(1 + 2 * std::size_t{kept});
        }
        return send(*agent, text_of(operation));
    }

    std::optional<std::string> fork(const Remembered& agent, std::uint32_t argument) {
        if (agent.sent || agents_.size() >= kAgentsMax) return {};
        Remembered made = agent;
        made.name = fmt::format("fork-{}", step_);
        const std::uint32_t at = argument % (agent.turns() + 1);
        made.after_turn.resize(at + 1);
        if (auto wrong = to_text(world_.memory().fork(agent.name, made.name, at))) return wrong;
        agents_.push_back(std::move(made));
        return {};
    }

    std::optional<std::string> roll_back(Remembered& agent, std::uint32_t argument) {
        if (agent.sent) return {};
        const std::uint32_t to = argument % (agent.turns() + 1);
        if (auto wrong = to_text(world_.memory().roll_back(agent.name, to))) return wrong;
        agent.after_turn.resize(to + 1);
        return {};
    }

    std::optional<std::string> remove(std::size_t index) {
        const Remembered& agent = agents_[index];
        if (exists(agent)) {
            if (auto wrong = to_text(world_.memory().remove(agent.name))) return wrong;
        }
        agents_.erase(agents_.begin() + static_cast<std::ptrdiff_t>(index));
        return {};
    }

    // What was damaged is found once, and set aside; then the rest can be exported.
    std::optional<std::string> export_it(const Remembered& agent, std::uint32_t argument) {
        if (!exists(agent)) return {};
        auto file = export_bytes(world_.memory(), agent.name);
        for (std::uint32_t i = 0; !file && file.error().code == ErrorCode::kDamaged && i <= damaged_; ++i)
            file = export_bytes(world_.memory(), agent.name);
        if (!file) return file.error().message;
        const auto header = read_agent_header(*make_byte_source(*file));
        if (!header) return header.error().message;
        exported_[argument % kFilesMax] = {std::move(*file), header->cache_tokens > 0, agent};
        return {};
    }

    // As it is, changed, or trusted.
    std::optional<std::string> import_one(const Operation& operation) {
        if (exported_.empty() || agents_.size() >= kAgentsMax) return {};
        const Exported& from =
            std::next(exported_.begin(), static_cast<std::ptrdiff_t>(operation.argument % exported_.size()))
                ->second;
        Remembered made = from.agent;
        made.name = fmt::format("import-{}", step_);
        ImportHow how{made.name};
        const bool changed = operation.agent % 3 == 1;
        if (operation.agent % 3 == 2) how.trust = TrustKv::kYes;
        std::string file = from.file;
        if (changed) {
            const std::size_t begin = data_begin(file);
            if (begin == file.size()) return {};
            file[begin + operation.argument * std::size_t{7919} % (file.size() - begin)] ^= 1;
        }
        const auto report = import_bytes(world_.memory(), std::move(file), how);
        if (!report && changed && report.error().code == ErrorCode::kInvalidArgument) return {};
        if (!report) return report.error().message;
        if (changed && from.has_kv && report->kv_refused.empty()) return "a changed file was believed";
        if (!changed && !report->kv_refused.empty()) return report->kv_refused;
        if (report->tokens != made.after_turn.back().size() && made.turns() > 0)
            return "another number of tokens was imported";
        agents_.push_back(std::move(made));
        return {};
    }

    std::vector<std::string> kv_files() const {
        std::vector<std::string> files;
        for (const BlockKindInfo& kind : kBlockKinds) {
            const auto more = world_.block_files(kind.kind);
            files.insert(files.end(), more.begin(), more.end());
        }
        return files;
    }

    // One byte of a stored file.
    std::optional<std::string> damage(std::uint32_t argument) {
        const auto files = kv_files();
        if (files.empty()) return {};
        ++damaged_;
        std::fstream file(files[argument % files.size()], std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(-17, std::ios::end);
        const char byte = static_cast<char>(file.peek() ^ 4);
        file.seekp(-17, std::ios::end);
        file.put(byte);
        return {};
    }

    std::optional<std::string> files_that_nobody_knows() {
        const auto totals = world_.store().catalog().totals();
        if (!totals) return totals.error().message;
        const std::uint64_t known = totals->blocks + totals->windows + totals->snapshots;
        const std::size_t there = kv_files().size();
        if (there == known) return {};
        return fmt::format("{} KV files are there and {} are known", there, known);
    }

    World world_;
    TurnCounts* counts_;
    std::uint32_t step_ = 0;
    std::uint32_t damaged_ = 0;
    std::vector<Remembered> agents_;
    std::map<std::uint32_t, Exported> exported_;
};

}  // namespace

std::string describe(const Operation& operation) {
    static constexpr std::array<const char*, 12> kNames = {"message",  "send",   "edit",   "fork",
                                                           "rollback", "evict",  "save",   "restart",
                                                           "remove",   "damage", "export", "import"};
    return fmt::format("{}(agent {}, {})", kNames.at(static_cast<std::size_t>(operation.kind)),
                       operation.agent, operation.argument);
}

std::vector<Operation> random_operations(std::uint32_t seed, std::size_t count) {
    // How often each kind comes, in the order of the enum.
    static constexpr std::array<double, 12> kWeights = {30, 12, 12, 8, 8, 6, 3, 14, 3, 3, 5, 5};
    std::mt19937 random(seed);
    std::discrete_distribution<int> kinds(kWeights.begin(), kWeights.end());
    std::vector<Operation> operations(count);
    for (Operation& operation : operations) {
        operation.kind = static_cast<OperationKind>(kinds(random));
        operation.agent = static_cast<std::uint32_t>(random() % 24);
        operation.argument = static_cast<std::uint32_t>(random() % 840);
    }
    return operations;
}

std::optional<std::string> play_operations(const std::vector<Operation>& operations,
                                           const WorldOptions& options, TurnCounts* counts) {
    return Game(options, counts).play(operations);
}

std::vector<Operation> shrink(std::vector<Operation> operations,
                              const std::function<bool(const std::vector<Operation>&)>& fails) {
    for (std::size_t part = operations.size() / 2; part > 0;) {
        bool shorter = false;
        for (std::size_t begin = 0; begin < operations.size();) {
            std::vector<Operation> without = operations;
            const std::size_t end = std::min(begin + part, without.size());
            without.erase(without.begin() + static_cast<std::ptrdiff_t>(begin),
                          without.begin() + static_cast<std::ptrdiff_t>(end));
            if (fails(without)) {
                operations = std::move(without);
                shorter = true;
            } else {
                begin += part;
            }
        }
        if (!shorter || part > operations.size()) part = std::min(part / 2, operations.size() / 2);
    }
    // Messages and small numbers are easier to read.
    for (Operation& operation : operations) {
        const OperationKind kind = std::exchange(operation.kind, OperationKind::kMessage);
        if (!fails(operations)) operation.kind = kind;
        for (std::uint32_t Operation::*number : {&Operation::agent, &Operation::argument}) {
            const std::uint32_t before = std::exchange(operation.*number, 0);
            if (!fails(operations)) operation.*number = before;
        }
    }
    return operations;
}

}  // namespace kvasir::test
