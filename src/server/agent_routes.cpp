#include "server/agent_routes.h"

#include <atomic>
#include <memory>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "server/agent_requests.h"
#include "server/answer_form.h"
#include "server/filling_bridge.h"
#include "server/memory_json.h"
#include "server/model_names.h"
#include "server/server_context.h"
#include "server/sliced_work.h"
#include "server/store_watch.h"
#include "server/turn_bridge.h"

namespace kvasir {

namespace {

namespace json = boost::json;

// Answers with what `ask` says, as JSON.
template <class Ask>
auto telling(int status, Ask ask) {
    return [status, ask](AgentMemory& memory, const RouteCall& done) {
        const auto result = ask(memory, done.agent);
        if (!result) return respond_error(done, api_error(result.error()));
        respond_json(done, status, json::serialize(to_json(*result)));
    };
}

template <class Ask>
void tell(const RouteCall& call, int status, Ask ask) {
    on_engine_thread(call, telling(status, ask));
}

// What can't be done while the agent is being saved.
template <class Ask>
void tell_when_saved(const RouteCall& call, int status, Ask ask) {
    when_saved(call, telling(status, ask));
}

void change_agent(const RouteCall& call, const ApiResult<AgentChange>& change) {
    if (!change) return respond_error(call, change.error());
    tell_when_saved(call, 200, [change = *change](AgentMemory& memory, const std::string& name) {
        return memory.change(name, change);
    });
}

}  // namespace

void get_agents(const RouteCall& call) {
    on_engine_thread(call, [](AgentMemory& memory, const RouteCall& done) {
        const auto agents = memory.list();
        if (!agents) return respond_error(done, api_error(agents.error()));
        json::array list;
        for (const AgentInfo& agent : *agents) list.push_back(to_json(agent));
        respond_json(done, 200, json::serialize(json::object{{"agents", std::move(list)}}));
    });
}

void post_agents(const RouteCall& call) {
    auto wanted = parse_new_agent(call.exchange->request().body);
    if (!wanted) return respond_error(call, wanted.error());
    const auto model = find_model(call.context, wanted->model);
    if (!model) return respond_error(call, model.error());
    TurnRequest request;
    request.agent = std::move(wanted->name);
    request.purpose = TurnPurpose::kCreate;
    request.agent_type = std::move(wanted->type);
    request.system_prompt = std::move(wanted->system_prompt);
    // A new agent, so the first model where none is named.
    std::make_shared<FillingBridge>(call)->submit(std::move(request), model->value_or(ModelIndex{0}));
}

void get_agent(const RouteCall& call) {
    tell(call, 200, [](AgentMemory& memory, const std::string& name) { return memory.show(name); });
}

void patch_agent(const RouteCall& call) {
    change_agent(call, parse_agent_change(call.exchange->request().body));
}

void post_agent_pin(const RouteCall& call) { change_agent(call, parse_pin(call.exchange->request().body)); }

void delete_agent(const RouteCall& call) {
    tell_when_saved(call, 200,
                    [](AgentMemory& memory, const std::string& name) { return memory.remove(name); });
}

void post_agent_save(const RouteCall& call) {
    tell_when_saved(call, 200,
                    [](AgentMemory& memory, const std::string& name) { return memory.save(name); });
}

void post_agent_load(const RouteCall& call) {
    TurnRequest request;
    request.agent = call.agent;
    request.purpose = TurnPurpose::kLoad;
    std::make_shared<FillingBridge>(call)->submit(std::move(request));
}

void post_agent_evict(const RouteCall& call) {
    tell_when_saved(call, 200,
                    [](AgentMemory& memory, const std::string& name) { return memory.evict(name); });
}

void post_agent_when_full(const RouteCall& call) {
    const auto wanted = parse_when_full(call.exchange->request().body);
    if (!wanted) return respond_error(call, wanted.error());
    tell(call, 200, [wanted = *wanted](AgentMemory& memory, const std::string& name) {
        return memory.set_when_full(name, wanted);
    });
}

void post_agent_verify(const RouteCall& call) {
    const auto gone = std::make_shared<std::atomic<bool>>(false);
    call.exchange->on_close([gone] { gone->store(true); });
    const auto run = std::make_shared<std::unique_ptr<AgentVerify>>();
    const auto answer_error = [call](const Error& error) { respond_error(call, api_error(error)); };
    SlicedWork slices;
    slices.model = ModelWish{std::nullopt, call.agent};
    slices.refused = answer_error;
    slices.cut_off = [answer_error] {
        answer_error({ErrorCode::kUnavailable, "the server is shutting down"});
    };
    slices.piece = [call, gone, run, answer_error](AgentMemory& memory) {
        if (gone->load()) return Progress::kDone;
        if (!*run && memory.is_saving(call.agent)) return Progress::kMore;
        if (!*run) {
            auto begun = memory.begin_verify(call.agent);
            if (!begun) return answer_error(begun.error()), Progress::kDone;
            *run = std::move(*begun);
        }
        if (const Status step = (*run)->step(); !step) return answer_error(step.error()), Progress::kDone;
        if (!(*run)->done()) return Progress::kMore;
        respond_json(call, 200, json::serialize(to_json((*run)->report())));
        return Progress::kDone;
    };
    call.context.store_watch.start(std::move(slices));
}

void post_agent_fork(const RouteCall& call) {
    const auto wanted = parse_fork(call.exchange->request().body);
    if (!wanted) return respond_error(call, wanted.error());
    tell_when_saved(call, 201, [wanted = *wanted](AgentMemory& memory, const std::string& name) {
        return memory.fork(name, wanted.name, wanted.at_turn);
    });
}

void post_agent_rollback(const RouteCall& call) {
    const auto to = parse_rollback(call.exchange->request().body);
    if (!to) return respond_error(call, to.error());
    tell_when_saved(call, 200, [to = *to](AgentMemory& memory, const std::string& name) {
        return memory.roll_back(name, to);
    });
}

void get_agent_turns(const RouteCall& call) {
    on_engine_thread(call, [](AgentMemory& memory, const RouteCall& done) {
        const auto turns = memory.turns(done.agent);
        if (!turns) return respond_error(done, api_error(turns.error()));
        json::array list;
        for (const TurnRecord& turn : *turns) {
            if (turn.number > 0) list.push_back(to_json(turn));
        }
        respond_json(done, 200,
                     json::serialize(json::object{{"agent", done.agent}, {"turns", std::move(list)}}));
    });
}

void get_agent_cache(const RouteCall& call) {
    on_engine_thread(call, [](AgentMemory& memory, const RouteCall& done) {
        const auto cache = memory.cache(done.agent);
        if (!cache) return respond_error(done, api_error(cache.error()));
        respond_json(done, 200, json::serialize(to_json(*cache)));
    });
}

void post_agent_message(const RouteCall& call) {
    auto parsed = parse_agent_message(call.exchange->request().body);
    if (!parsed) return respond_error(call, parsed.error());
    TurnBridgeOptions options;
    options.head.id = call.exchange->request().request_id;
    options.head.created_unix_s = call.context.clock.unix_ms() / 1000;
    options.head.model = call.context.model_name;
    options.agent = call.agent;
    options.protocol = Protocol::kKvasir;
    options.stream = parsed->stream;
    options.headers = {{"x-kvasir-agent", call.agent}};
    TurnRequest request;
    request.agent = call.agent;
    request.messages = {{Role::kUser, std::move(parsed->content), {}, {}, {}, {}}};
    request.reading = parsed->reading;
    request.sampling = parsed->sampling.over(call.context.options.sampling);
    request.stops = std::move(parsed->stops);
    request.answer_tokens_max = parsed->answer_tokens_max.value_or(kAnswerTokensDefault);
    request.expected_turn = parsed->expected_turn;
    request.idempotency_key = std::string(call.exchange->request().header("idempotency-key").value_or(""));
    request.request_id = call.exchange->request().request_id;
    auto form = agent_message_form(options.head);
    std::make_shared<TurnBridge>(std::move(options), call.exchange, std::move(form))
        ->submit(call.context, std::move(request));
}

}  // namespace kvasir
