// A server over several fake models, on a port of its own.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "sched/models_world.h"
#include "server/served_world.h"

namespace kvasir::test {

class ServedModels {
  public:
    explicit ServedModels(const ModelsWorldOptions& options = {}) : world(options) {
        auto started = Server::start({}, world.scheduler(), events_, system_clock());
        if (!started) throw std::runtime_error(started.error().message);
        server_ = std::move(*started);
    }
    HttpClient client() const { return HttpClient(server_->port()); }
    HttpAnswer chat(const std::string& model, const std::string& text, const HeaderList& headers = {}) const {
        boost::json::object body = chat_of({said_json("user", text)}, 8);
        body["model"] = model;
        return client().post("/v1/chat/completions", body, headers);
    }

    ModelsWorld world;

  private:
    EventHub events_;
    std::unique_ptr<Server> server_;
};

}  // namespace kvasir::test
