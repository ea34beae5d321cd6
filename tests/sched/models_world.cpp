#include "sched/models_world.h"

#include <filesystem>
#include <future>
#include <stdexcept>
#include <thread>

#include <unistd.h>

namespace kvasir::test {

namespace {

constexpr std::uint32_t kAnswerTokens = 8;

std::string fresh_directory() {
    static std::atomic<int> next{0};
    return testing::TempDir() + "kvasir-models-" + std::to_string(::getpid()) + "-" + std::to_string(next++);
}

}  // namespace

ModelsWorld::ModelsWorld(ModelsWorldOptions options)
    : options_(std::move(options)), root_(fresh_directory()) {
    restart();
}

ModelsWorld::~ModelsWorld() {
    scheduler_.reset();
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
}

ModelSource ModelsWorld::source() {
    ModelSource source;
    source.open = [this](const ModelSpec& spec, std::uint64_t available,
                         const std::atomic<bool>&) -> Result<std::unique_ptr<Engine>> {
        const std::lock_guard lock(mutex_);
        const std::size_t model = std::stoul(spec.path);
        if (available < kModelBytes)
            return fail(ErrorCode::kOutOfMemory, "needs " + std::to_string(kModelBytes) + " bytes");
        if (const auto error = open_errors_.find(model); error != open_errors_.end())
            return fail(error->second);
        std::unique_ptr<Engine> fake;
        if (const auto other = impostors_.find(model); other != impostors_.end()) {
            fake = std::make_unique<ImpostorEngine>(
                std::make_unique<FakeEngine>(engine_of(options_, other->second)),
                FakeModel(engine_of(options_, model)).fingerprint());
        } else {
            fake = std::make_unique<FakeEngine>(engine_of(options_, model));
        }
        auto engine = std::make_unique<SizedEngine>(std::move(fake), living);
        most_living = std::max(most_living.load(), living.load());
        return engine;
    };
    source.check = [this](const ModelSpec& spec, std::uint64_t available) -> Status {
        const std::lock_guard lock(mutex_);
        const std::size_t model = std::stoul(spec.path);
        if (const auto error = check_errors_.find(model); error != check_errors_.end())
            return fail(error->second);
        if (available < kModelBytes)
            return fail(ErrorCode::kOutOfMemory, "needs " + std::to_string(kModelBytes) + " bytes");
        return {};
    };
    return source;
}

void ModelsWorld::restart() {
    scheduler_.reset();
    store_.reset();
    StoreOptions store;
    store.root = root_;
    store.disk_free_bytes_min = 1'000'000;
    store.disk_reserve_bytes = 4096;
    auto opened = Store::open(store, disk_, system_clock());
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
    ModelsOptions models;
    for (std::size_t i = 0; i < options_.families.size(); ++i)
        models.specs.push_back({options_.families[i], {"alias-" + std::to_string(i)}, std::to_string(i)});
    models.source = source();
    models.memory_bytes = options_.memory_bytes;
    models.loaded_max = options_.loaded_max;
    models.idle_ms = options_.idle_ms;
    models.stay_ms = options_.stay_ms;
    models.wait_ms_max = options_.wait_ms_max;
    models.retry_ms = options_.retry_ms;
    SchedulerOptions scheduling;
    scheduling.active_turns_max = options_.places;
    MemoryOptions memory;
    memory.agents_resident_max = options_.places;
    scheduler_ = Scheduler::start(scheduling, models, memory, *store_, system_clock());
}

void ModelsWorld::refuse_to_open(std::size_t model, Error error) {
    const std::lock_guard lock(mutex_);
    open_errors_.insert_or_assign(model, std::move(error));
}

void ModelsWorld::refuse_to_check(std::size_t model, Error error) {
    const std::lock_guard lock(mutex_);
    check_errors_.insert_or_assign(model, std::move(error));
}

void ModelsWorld::allow(std::size_t model) {
    const std::lock_guard lock(mutex_);
    open_errors_.erase(model);
    check_errors_.erase(model);
}

void ModelsWorld::open_impostor(std::size_t model, std::size_t other) {
    const std::lock_guard lock(mutex_);
    impostors_[model] = other;
}

std::shared_ptr<WaitingListener> ModelsWorld::submit(TurnRequest request, std::optional<ModelIndex> model,
                                                     std::shared_ptr<TurnTicket>* ticket) {
    request.answer_tokens_max = kAnswerTokens;
    request.reading = AnswerReading::kRaw;
    auto listener = std::make_shared<WaitingListener>();
    SubmitOptions options;
    options.model = model;
    const auto submitted = scheduler_->submit(std::move(request), listener, options);
    if (!submitted) listener->on_result(fail(submitted.error()));
    if (ticket != nullptr && submitted) *ticket = *submitted;
    return listener;
}

Result<TurnResult> ModelsWorld::create(const std::string& agent, std::size_t model) {
    TurnRequest request;
    request.agent = agent;
    request.purpose = TurnPurpose::kCreate;
    request.system_prompt = "You are " + agent + ". " + words(300);
    {
        const std::lock_guard lock(mutex_);
        exact_.create(agent, request.system_prompt);
    }
    return submit(std::move(request), static_cast<ModelIndex>(model))->wait();
}

Result<TurnResult> ModelsWorld::say(const std::string& agent, const std::string& text) {
    for (;;) {
        TurnRequest request;
        request.agent = agent;
        request.messages = {{Role::kUser, text, {}, {}, {}, {}}};
        auto turn = submit(std::move(request), std::nullopt)->wait();
        if (turn || turn.error().code != ErrorCode::kUnavailable || refused > 100'000) return turn;
        ++refused;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

std::string ModelsWorld::expected(const std::string& agent, std::size_t model, const std::string& text) {
    const std::lock_guard lock(mutex_);
    return exact_.answer(FakeModel(engine_of(options_, model)), agent, text, kAnswerTokens);
}

bool ModelsWorld::wait_for(std::size_t model, ModelState state) {
    for (int i = 0; i < 2000; ++i) {
        if (this->model(model).state == state) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

AgentInfo ModelsWorld::show(const std::string& agent) {
    std::promise<Result<AgentInfo>> told;
    const Status queued = scheduler_->run([&](AgentMemory& memory) { told.set_value(memory.show(agent)); });
    if (!queued) throw std::runtime_error(queued.error().message);
    const auto info = told.get_future().get();
    if (!info) throw std::runtime_error(info.error().message);
    return *info;
}

}  // namespace kvasir::test
