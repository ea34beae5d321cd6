// The exchange as handlers hold it.
#include <utility>

#include "http/exchange_state.h"

namespace kvasir {
namespace {

class Exchange final : public HttpExchange {
  public:
    explicit Exchange(std::shared_ptr<ExchangeState> state) : state_(std::move(state)) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    ~Exchange() override { state_->abandon(); }

    const HttpRequest& request() const override { return state_->request(); }
    void respond(HttpResponse response) override { state_->respond(std::move(response)); }
    void begin_stream(int status, const std::string& content_type, const HttpHeaders& headers) override {
        state_->begin_stream(StreamHead{status, content_type, headers, keep_alive_});
    }
    void keep_alive_with(std::string text) override { keep_alive_ = std::move(text); }
    PushResult push(std::string bytes) override { return state_->push(std::move(bytes)); }
    void when_sent(std::function<void()> callback) override { state_->when_sent(std::move(callback)); }
    void finish() override { state_->finish(); }
    bool closed() const override { return state_->closed(); }
    void on_close(std::function<void()> callback) override { state_->on_close(std::move(callback)); }

  private:
    const std::shared_ptr<ExchangeState> state_;
    std::string keep_alive_;
};

}  // namespace

std::shared_ptr<HttpExchange> make_exchange_handle(std::shared_ptr<ExchangeState> state) {
    return std::make_shared<Exchange>(std::move(state));
}

}  // namespace kvasir
