// What HTTP and the scheduler add to the engine, on the same rows: the time of a message over the unix socket, less what
// was spent inside the engine (template, tokens, sampler; decode and sampling) and in the commit, whose time is the disk's.
// Beside it, in turns, a loop over the engine alone: its tokens must take as long inside the engine as the server's do.
//
//   kvasir_overhead MODEL [REPETITIONS] [ANSWER_TOKENS]
//
// Goals: at most 1 ms per turn, at most 2 % per token.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/file_system.h"
#include "engine/llama_engine.h"
#include "http/unix_client.h"
#include "server/server.h"
#include "store/store.h"
#include "support/forwarding_engine.h"

namespace kvasir {
namespace {

namespace json = boost::json;

constexpr const char* kText = "Tell me about the harbour, the old mill and the north gate, please.";
constexpr double kTurnGoalMs = 1.0;
constexpr double kTokenGoalPercent = 2.0;

double now_ms() { return static_cast<double>(system_clock().monotonic_us()) / 1000; }

template <class T>
T value_or_exit(Result<T> result) {
    if (result) return std::move(*result);
    fmt::print(stderr, "{}\n", result.error().message);
    std::exit(1);
}

// Adds up the time inside decode() and sample().
class TimedSampler final : public Sampler {
  public:
    TimedSampler(std::unique_ptr<Sampler> inner, double& ms) : inner_(std::move(inner)), ms_(ms) {}
    Token sample(std::size_t row) override {
        const double begin_ms = now_ms();
        const Token token = inner_->sample(row);
        ms_ += now_ms() - begin_ms;
        return token;
    }

  private:
    std::unique_ptr<Sampler> inner_;
    double& ms_;
};

class TimedEngine final : public test::ForwardingEngine {
  public:
    explicit TimedEngine(std::unique_ptr<Engine> inner) : ForwardingEngine(std::move(inner)) {}
    Status decode(std::span<const BatchRow> rows) override {
        const double begin_ms = now_ms();
        Status status = ForwardingEngine::decode(rows);
        ms_ += now_ms() - begin_ms;
        return status;
    }
    Result<std::unique_ptr<Sampler>> make_sampler(const SamplingOptions& options) override {
        KVASIR_TRY_ASSIGN(auto sampler, timed([&] { return ForwardingEngine::make_sampler(options); }));
        return std::make_unique<TimedSampler>(std::move(sampler), ms_);
    }
    Result<std::vector<Token>> tokenize(std::string_view text, SpecialTokens special, SequenceStart start) const override {
        return timed([&] { return ForwardingEngine::tokenize(text, special, start); });
    }
    Result<RenderedChat> render(const ChatPrompt& prompt) const override {
        return timed([&] { return ForwardingEngine::render(prompt); });
    }
    Result<std::shared_ptr<const AnswerFormat>> plan_answer(const ChatPrompt& prompt,
                                                            const AnswerConstraint& constraint) const override {
        return timed([&] { return ForwardingEngine::plan_answer(prompt, constraint); });
    }
    // Decoding and sampling since the last call; while nobody uses it.
    double take_ms() { return std::exchange(ms_, 0.0); }
    // Template, tokens and making samplers since the last call.
    double take_text_ms() { return std::exchange(text_ms_, 0.0); }

  private:
    template <class F>
    std::invoke_result_t<F> timed(F call) const {
        const double begin_ms = now_ms();
        auto result = call();
        text_ms_ += now_ms() - begin_ms;
        return result;
    }

    double ms_ = 0;
    mutable double text_ms_ = 0;
};

struct Samples {
    std::vector<double> values;
    double median() const { return at(0.5); }
    double at(double part) const {
        std::vector<double> sorted = values;
        std::sort(sorted.begin(), sorted.end());
        return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
    }
};

struct Turn {
    double ms = 0;
    double engine_ms = 0;  // of it, decoding and sampling
    double text_ms = 0;    // of it, template, tokens and making the sampler
    double around_ms() const { return ms - engine_ms - text_ms - commit_ms; }
    double commit_ms = 0;
    Position prompt_tokens = 0;
    Position evaluated_tokens = 0;
    std::uint32_t answer_tokens = 0;
};

class Bench {
  public:
    explicit Bench(const std::string& model) : home_(std::filesystem::temp_directory_path() / "kvasir-overhead") {
        std::filesystem::remove_all(home_);
        files_ = make_posix_file_system();
        StoreOptions store;
        store.root = home_ / "store";
        store.disk_free_bytes_min = 1;
        store_ = value_or_exit(Store::open(store, *files_, system_clock()));
        LlamaOptions llama;
        llama.model_path = model;
        llama.context_tokens = 2048;
        engine_ = std::make_unique<TimedEngine>(value_or_exit(open_llama_engine(llama)));
        memory_ = value_or_exit(AgentMemory::open({}, *engine_, *store_, system_clock()));
        scheduler_ = Scheduler::start({}, *memory_, *engine_, system_clock());
        ServerOptions options;
        options.http.port = 0;
        options.http.owner_path = socket_ = home_ / "sock";
        server_ = value_or_exit(Server::start(options, *scheduler_, events_, system_clock()));
    }
    ~Bench() {
        server_.reset();
        scheduler_.reset();
        memory_.reset();
        store_.reset();
        std::filesystem::remove_all(home_);
    }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    std::string ask(const char* method, const std::string& target, const json::value& body) {
        ClientRequest request;
        request.method = method;
        request.target = target;
        request.body = body.is_null() ? "" : json::serialize(body);
        const ClientResponse response = value_or_exit(ask_unix_socket(socket_, request));
        if (response.status >= 300) {
            fmt::print(stderr, "{}\n", response.body);
            std::exit(1);
        }
        return response.body;
    }
    void wait_until_idle() {
        while (scheduler_->stats().turns_active > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    Turn message(const std::string& agent, std::uint32_t answer_tokens, bool stream) {
        Turn turn;
        std::string last;
        std::string events;
        ClientRequest request;
        request.method = "POST";
        request.target = "/agents/" + agent + "/messages";
        request.body = json::serialize(
            json::object{{"content", kText}, {"max_tokens", answer_tokens}, {"raw", true}, {"stream", stream}});
        if (stream) {
            request.on_bytes = [&](std::string_view bytes) -> Status {
                events += bytes;
                return {};
            };
        }
        wait_until_idle();
        engine_->take_ms();
        engine_->take_text_ms();
        const double begin_ms = now_ms();
        const ClientResponse response = value_or_exit(ask_unix_socket(socket_, request));
        turn.ms = now_ms() - begin_ms;
        last = stream ? events.substr(events.rfind("data: ") + 6) : response.body;
        const json::value told = json::parse(last.substr(0, last.find('\n')));
        const json::object& memory = told.at("memory").as_object();
        turn.commit_ms = memory.at("commit_ms").to_number<double>();
        turn.prompt_tokens = memory.at("prompt_tokens").to_number<Position>();
        turn.evaluated_tokens = memory.at("evaluated_tokens").to_number<Position>();
        turn.answer_tokens = memory.at("answer_tokens").to_number<std::uint32_t>();
        wait_until_idle();
        turn.engine_ms = engine_->take_ms();
        turn.text_ms = engine_->take_text_ms();
        return turn;
    }
    // The same rows, with nothing around them.
    double bare(const Turn& turn) {
        std::promise<double> done;
        const Status queued = scheduler_->run([&](AgentMemory&) { done.set_value(bare_loop(turn)); });
        if (!queued) std::exit(1);
        return done.get_future().get();
    }
    Engine& engine() { return *engine_; }

  private:
    double bare_loop(const Turn& turn) {
        const SequenceId sequence = value_or_exit(engine_->open_sequence());
        const auto sampler = value_or_exit(engine_->make_sampler({}));
        Position position = 0;
        const auto feed = [&](Position count) {
            std::vector<BatchRow> rows;
            for (Position i = 0; i < count; ++i, ++position)
                rows.push_back({sequence, static_cast<Token>(4 + position % 500), position, i + 1 == count});
            if (const Status decoded = engine_->decode(rows); !decoded) std::exit(1);
            return rows.size() - 1;
        };
        if (turn.prompt_tokens > turn.evaluated_tokens) feed(turn.prompt_tokens - turn.evaluated_tokens);
        engine_->take_ms();
        Token token = sampler->sample(feed(turn.evaluated_tokens));
        for (std::uint32_t i = 1; i < turn.answer_tokens; ++i) {
            const BatchRow row{sequence, token, position++, true};
            if (const Status decoded = engine_->decode(std::span(&row, 1)); !decoded) std::exit(1);
            token = sampler->sample(0);
        }
        engine_->close_sequence(sequence);
        return engine_->take_ms();
    }

    std::filesystem::path home_;
    std::string socket_;
    std::unique_ptr<FileSystem> files_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<TimedEngine> engine_;
    std::unique_ptr<AgentMemory> memory_;
    EventHub events_;
    std::unique_ptr<Scheduler> scheduler_;
    std::unique_ptr<Server> server_;
};

struct Mode {
    const char* name;
    bool stream;
};

void run(const std::string& model, int repetitions, std::uint32_t tokens) {
    Bench bench(model);
    fmt::print("{}: {:.0f} M parameters, {} answer tokens, {} repetitions; medians (least to most)\n",
               bench.engine().model().name, static_cast<double>(bench.engine().model().parameter_count) / 1e6, tokens,
               repetitions);
    for (const Mode mode : {Mode{"whole", false}, Mode{"stream", true}}) {
        Samples turn_ms, commit_ms, text_ms, around_ms, token_ms, bare_token_ms, token_percent;
        for (int i = -1; i < repetitions; ++i) {  // the first is not counted
            Turn turns[2];
            double bare_ms[2] = {};
            for (const int many : {0, 1}) {
                const std::string agent = fmt::format("{}-{}-{}", mode.name, i + 1, many);
                bench.ask("POST", "/agents", json::object{{"name", agent}, {"system_prompt", "You are Vera."}});
                turns[many] = bench.message(agent, many == 1 ? tokens : 1, mode.stream);
                bare_ms[many] = bench.bare(turns[many]);
                bench.ask("DELETE", "/agents/" + agent, nullptr);
            }
            if (i < 0) continue;
            const double steps = static_cast<double>(turns[1].answer_tokens) - 1;
            const double in_engine_ms = (turns[1].engine_ms - turns[0].engine_ms) / steps;
            turn_ms.values.push_back(turns[0].ms);
            commit_ms.values.push_back(turns[0].commit_ms);
            text_ms.values.push_back(turns[0].text_ms);
            around_ms.values.push_back(turns[0].around_ms());
            token_ms.values.push_back(in_engine_ms);
            bare_token_ms.values.push_back((bare_ms[1] - bare_ms[0]) / steps);
            token_percent.values.push_back(100 * (turns[1].around_ms() - turns[0].around_ms()) / steps / in_engine_ms);
        }
        const auto show = [](const char* what, const Samples& samples, const char* goal) {
            fmt::print("  {:<46}{:>8.2f}  ({:.2f} to {:.2f}){}\n", what, samples.median(), samples.at(0), samples.at(1), goal);
        };
        const bool turn_met = around_ms.median() <= kTurnGoalMs;
        const bool token_met = token_percent.median() <= kTokenGoalPercent;
        fmt::print("{}\n", mode.name);
        show("turn of one token, ms", turn_ms, "");
        show("commit (fsync), ms", commit_ms, "");
        show("template, tokens, sampler (llama.cpp), ms", text_ms, "");
        show("added per turn, ms", around_ms, turn_met ? "  goal 1: met" : "  goal 1: MISSED");
        show("token inside the engine, served, ms", token_ms, "");
        show("token inside the engine, bare loop, ms", bare_token_ms, "");
        show("added per token, %", token_percent, token_met ? "  goal 2: met" : "  goal 2: MISSED");
    }
}

}  // namespace
}  // namespace kvasir

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "usage: {} MODEL [REPETITIONS] [ANSWER_TOKENS]\n", argv[0]);
        return 2;
    }
    const int repetitions = argc > 2 ? std::atoi(argv[2]) : 10;
    const auto tokens = argc > 3 ? static_cast<std::uint32_t>(std::atoi(argv[3])) : 64U;
    kvasir::run(argv[1], repetitions, tokens);
    return 0;
}
